"""Computes the golden vectors of tensor hashes, grids and `zarr.json` from the specification alone.

    pip install blake3
    python make.py

Writes tensor-hash.json, grid.json and zarr-json.json beside this file. chunks.json is frozen output
of the encoder and has no other source.
"""

import json
import math
import pathlib
import random
import struct

from blake3 import blake3

HERE = pathlib.Path(__file__).parent

BITS = {
    8: "bool int8 uint8 float8_e4m3fn float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu qint8 quint8 bits8 "
    "float4_e2m1fn_x2 quint4x2 quint2x4 bits1x8 bits2x4 bits4x2",
    16: "int16 uint16 float16 bfloat16 bits16",
    32: "int32 uint32 float32 complex32 qint32",
    64: "int64 uint64 float64 complex64",
    128: "complex128",
    6: "float6_e2m3fn float6_e3m2fn",
    4: "float4_e2m1fn",
}
BITS = {name: bits for bits, names in BITS.items() for name in names.split()}
ZARR = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 bfloat16 complex64 complex128 "
    "float8_e4m3fnuz float8_e5m2 float8_e5m2fnuz float8_e8m0fnu"
).split()


def tensor_hash(dtype, shape, values):
    prefix = b"git-theta tensor 1\0" + dtype.encode() + b"\0"
    dims = struct.pack(f"<{1 + len(shape)}Q", len(shape), *shape)
    return blake3(prefix + dims + values).hexdigest()


def hashes():
    rng = random.Random(0)
    for dtype, bits in BITS.items():
        for shape in ([], [8], [2, 3, 4], [0], [4, 0, 2], [1, 8, 1]):
            total = bits * math.prod(shape)
            if total % 8 == 0:
                yield dtype, shape, rng.randbytes(total // 8)
    quiet, payload = struct.pack("<I", 0x7FC00000), struct.pack("<I", 0x7FC00001)
    negative, signalling = struct.pack("<I", 0xFFC00000), struct.pack("<I", 0x7F800001)
    for nan in (quiet, payload, negative, signalling, bytes(4), struct.pack("<f", -0.0)):
        yield "float32", [1], nan
    for bits in (0x7FC0, 0x7FC1, 0x8000, 0):
        yield "bfloat16", [], struct.pack("<H", bits)
    # Over one of BLAKE3's blocks, and over one of its chunks.
    yield "uint8", [100], bytes(range(100))
    yield "uint8", [5000], bytes(i % 251 for i in range(5000))


TARGET = 1 << 24


def grid(shape, size):
    if size <= TARGET:
        return list(shape)
    row = size // shape[0]
    if row <= TARGET:
        return [-(-shape[0] // -(-size // TARGET)), *shape[1:]]
    return [1, *grid(shape[1:], row)]


def stored(dtype, shape, order):
    """data_type, array shape, order, bytes of an element, typesize."""
    bits = BITS[dtype]
    order = list(order) if order else list(range(len(shape)))
    if dtype in ZARR:
        size = bits // 8
        return dtype, list(shape), order, size, size // 2 if dtype.startswith("complex") else size
    if bits < 8:
        return "uint8", [bits * math.prod(shape) // 8], [0], 1, 1
    if bits == 8:
        return "uint8", list(shape), order, 1, 1
    return "uint8", [*shape, bits // 8], [*order, len(shape)], 1, 2 if dtype == "complex32" else 1


def chunk_shape(shape, order, size):
    if 0 in shape:
        return [1] * len(shape)
    cut = grid([shape[a] for a in order], size * math.prod(shape))
    return [cut[order.index(a)] for a in range(len(shape))]


def grids():
    for dtype, shape, order in (
        ("float32", [], None),
        ("float32", [3, 0], None),
        ("float32", [2048, 2048], None),
        ("float32", [2049, 2048], None),
        ("float32", [2049, 2048], [1, 0]),
        ("bfloat16", [4096, 14336], None),
        ("bfloat16", [128256, 4096], None),
        ("bfloat16", [8, 14336, 4096], None),
        ("bfloat16", [8, 14336, 4096], [0, 2, 1]),
        ("bfloat16", [14336, 8, 4096], [1, 2, 0]),
        ("uint8", [100_000_001], None),
        ("float64", [3, 5, 7, 400_000], None),
        ("float64", [3, 1, 5, 3_000_000], [3, 1, 2, 0]),
        ("complex32", [3000, 3000], [1, 0]),
        ("float4_e2m1fn", [5000, 10000], None),
        ("float6_e3m2fn", [5000, 10000], None),
        ("bits16", [5000, 10000], None),
        ("int64", [2097153], None),
        ("int64", [2097152], None),
    ):
        _, array, memory, size, _ = stored(dtype, shape, order)
        chunk = chunk_shape(array, memory, size)
        counts = [0 if 0 in array else -(-array[a] // chunk[a]) for a in memory]
        keys = []
        for i in range(math.prod(counts)):
            index = [0] * len(array)
            for a, count in reversed(list(zip(memory, counts))):
                i, index[a] = divmod(i, count)
            keys.append(".".join(["c", *map(str, index)]))
        yield {"dtype": dtype, "shape": shape, "order": order, "chunk_shape": chunk, "keys": keys}


def blocksize(nbytes, typesize):
    if nbytes < 128:
        return nbytes
    blocks = -(-nbytes // (256 * 1024 * typesize))
    return nbytes // typesize // blocks * typesize


def array_json(name, dtype, shape, order, digest, fill, kind="tensor"):
    data_type, array, memory, size, typesize = stored(dtype, shape, order)
    chunk = chunk_shape(array, memory, size)
    nbytes = math.prod(chunk) * size
    codecs = []
    if memory != sorted(memory):
        codecs.append({"name": "transpose", "configuration": {"order": memory}})
    codecs.append({"name": "bytes"} if size == 1 else {"name": "bytes", "configuration": {"endian": "little"}})
    shuffle = "shuffle" if typesize > 1 else "noshuffle"
    block = nbytes if kind == "skeleton" else blocksize(nbytes, typesize)
    configuration = {"cname": "zstd", "clevel": 1, "shuffle": shuffle, "typesize": typesize, "blocksize": block}
    codecs.append({"name": "blosc", "configuration": configuration})
    mine = {"tensor": {"name": name}, "storage": {"storage": name}, "skeleton": {"skeleton": 1}}[kind]
    mine["hash"] = digest
    if dtype != data_type:
        mine["dtype"] = dtype
    if shape != array:
        mine["shape"] = shape
    meta = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": array,
        "data_type": data_type,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "."}},
        "fill_value": fill,
        "codecs": codecs,
        "attributes": {"git-theta": mine},
    }
    # Python writes exponents with a sign.
    return json.dumps(meta, separators=(",", ":"), ensure_ascii=False).replace('"fill_value":1e+', '"fill_value":1e')


def zeros(dtype):
    data_type = stored(dtype, [8], None)[0]
    if data_type == "bool":
        return False
    if data_type == "float8_e8m0fnu":
        return "0x00"
    if data_type.startswith("complex"):
        return [0.0, 0.0]
    return 0.0 if "float" in data_type else 0


def metadata():
    for dtype in BITS:
        yield f"w/{dtype}", dtype, [16, 8], None, None, zeros(dtype)
        if BITS[dtype] >= 8:
            yield 'ü "\\\n\x01\x7f', dtype, [16, 1, 8], [2, 1, 0], None, zeros(dtype)
    for dtype, bits, fill in (
        ("bool", "0x01", True),
        ("int8", "0xfd", -3),
        ("int64", "0x001fffffffffffff", 2**53 - 1),
        ("int64", "0xffe0000000000001", -(2**53 - 1)),
        ("float32", "0x3f800000", 1.0),
        ("float32", "0x3dcccccd", 0.10000000149011612),
        ("float32", "0x80000000", -0.0),
        ("float32", "0x7fc00000", "NaN"),
        ("float32", "0xff800000", "-Infinity"),
        ("float64", "0x7e37e43c8800759c", 1e300),
        ("float16", "0x7c00", "Infinity"),
        ("bfloat16", "0x3f80", "0x3f80"),
        ("bfloat16", "0x7fc1", "0x7fc1"),
        ("float8_e5m2", "0x3c", "0x3c"),
        ("float8_e8m0fnu", "0x00", "0x00"),
        ("complex64", "0xff8000003f800000", [1.0, "-Infinity"]),
        ("float8_e4m3fn", "0x38", 56),
    ):
        yield "fill", dtype, [4, 5], None, bits, fill
    for shape, order in (([], None), ([0, 4], None), ([4099, 2111], [1, 0]), ([3, 4200, 2111], None)):
        yield "shape", "float32", shape, order, None, 0.0
    yield "", "uint8", [20_000_001], None, None, 0
    for dtype, shape in (("float6_e2m3fn", [2, 4]), ("complex32", [2_500, 2_500]), ("bits16", [9])):
        yield "packed", dtype, shape, None, None, 0


def main():
    vectors = [
        {"dtype": dtype, "shape": shape, "values": values.hex(), "hash": tensor_hash(dtype, shape, values)}
        for dtype, shape, values in hashes()
    ]
    write("tensor-hash.json", vectors)
    write("grid.json", list(grids()))
    digest = blake3(b"any").hexdigest()
    texts = []
    for name, dtype, shape, order, bits, fill in metadata():
        case = {"kind": "tensor", "name": name, "dtype": dtype, "shape": shape, "order": order, "hash": digest}
        case |= {"fill": bits, "json": array_json(name, dtype, shape, order, digest, fill)}
        texts.append(case)
    for kind in ("storage", "skeleton"):
        for size in (1, 1000, 20_000_001):
            case = {"kind": kind, "name": "" if kind == "skeleton" else "w.0", "shape": [size], "hash": digest}
            case |= {"fill": None, "json": array_json("w.0", "uint8", [size], None, digest, 0, kind)}
            texts.append(case)
    for name, form in (("", "torch-zip"), ("model/layers", None)):
        mine = {"group": name} | ({"format": form} if form else {})
        meta = {"zarr_format": 3, "node_type": "group", "attributes": {"git-theta": mine}}
        texts.append({"kind": "group", "name": name, "format": form, "json": json.dumps(meta, separators=(",", ":"))})
    write("zarr-json.json", texts)


def write(name, vectors):
    lines = ",\n".join(json.dumps(v, ensure_ascii=False) for v in vectors)
    (HERE / name).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


main()
