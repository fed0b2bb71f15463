"""others.py TOOL FILE ELEMENT_BYTES [ROUNDS]: what codec_file.rs measures, for other compressors on one thread.

Run by run.py with a Python that has zipnn, blosc and zstandard. The same chunks of 16 MiB for everybody.
"""
import json, sys, time

CHUNK = 16 << 20


def zipnn(width):
    import zipnn
    # 'float32' stands for any four-byte float, 'bfloat16' and 'float16' for their own layouts.
    z = zipnn.ZipNN(bytearray_dtype=width, input_format="byte", threads=1)
    return z.compress, z.decompress


def zstd(_):
    import zstandard
    return zstandard.ZstdCompressor(level=3).compress, zstandard.ZstdDecompressor().decompress


def blosc_lz4(width):
    import blosc
    blosc.set_nthreads(1)
    size = 4 if width == "float32" else 2
    return (lambda b: blosc.compress(b, typesize=size, clevel=5, shuffle=blosc.SHUFFLE, cname="lz4")), blosc.decompress


def main():
    tool, path, dtype, *rounds = sys.argv[1:]
    encode, decode = {"zipnn": zipnn, "zstd-3": zstd, "blosc-lz4-5": blosc_lz4}[tool](dtype)
    with open(path, "rb") as f:
        raw = f.read()
    chunks = [raw[i:i + CHUNK] for i in range(0, len(raw), CHUNK)]
    best = [1e9, 1e9]
    for _ in range(int(rounds[0]) if rounds else 5):
        # ZipNN reorders the bytes of its input in place: it gets a copy, untimed.
        inputs = [bytearray(c) if tool == "zipnn" else c for c in chunks]
        t = time.perf_counter()
        packed = [encode(c) for c in inputs]
        best[0] = min(best[0], time.perf_counter() - t)
        copies = [bytes(bytearray(c)) for c in packed]
        seconds = 0.0
        for have, want in zip(copies, chunks):
            t = time.perf_counter()
            out = decode(have)
            seconds += time.perf_counter() - t
            if bytes(out) != want:
                raise SystemExit(f"{tool} does not give the same bytes back")
        best[1] = min(best[1], seconds)
    print(json.dumps({"raw": len(raw), "encoded": sum(map(len, packed)), "encode": best[0], "decode": best[1]}))


main()
