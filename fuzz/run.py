#!/usr/bin/env python3
"""Runs the fuzz targets, each for some minutes, from seeds made of the fixtures.

    python3 fuzz/run.py [--minutes 10] [--jobs 2] [target ...]

Needs `cargo install cargo-fuzz`. Exit status 1 when a target found something: the input is in fuzz/artifacts.
"""

import argparse
import concurrent.futures
import os
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parent / "__test__" / "fixtures"
# Longer seeds make every run slow.
MAX_SEED = 48 << 10


def files():
    """Every fixture, as bytes."""
    skip = FIXTURES / "generate"
    for path in sorted(FIXTURES.rglob("*")):
        if path.is_file() and skip not in path.parents and path.stat().st_size <= MAX_SEED:
            yield path, path.read_bytes()


def pickles():
    """The pickles inside archives, and those that are files."""
    for path, data in files():
        if data[:4] == b"PK\3\4" and zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith(".pkl"):
                        with archive.open(name) as member:
                            # torch may write 0 for the sum.
                            member._expected_crc = None
                            yield member.read()
        elif data[:1] == b"\x80":
            yield data


def headers():
    """The headers of safetensors files, without their length."""
    for path, data in files():
        if path.suffix == ".safetensors":
            (length,) = struct.unpack("<Q", data[:8])
            yield data[8 : 8 + length]


def ending(*suffixes):
    """Files with one of these endings."""
    return ((path, data) for path, data in files() if path.name.endswith(suffixes))


def behind(count, *suffixes):
    """What follows the first bytes of such files."""
    return (data[count:] for _, data in ending(*suffixes))


def hdf5():
    """The address of the root group, and what follows a superblock of version 0."""
    for _, data in ending(".h5"):
        if data[8:9] == b"\0":
            yield data[64:72] + data[96:]


def flax():
    """What follows the first key of a map of two entries: a whole map, and a second entry."""
    return (data + b"\xa1b\xc0" for _, data in ending(".msgpack"))


def npy():
    for _, data in ending(".npy"):
        yield data[10 : 10 + int.from_bytes(data[8:10], "little")]


def stacked():
    """What follows magic number and protocol."""
    for _, data in files():
        at = data.find(b"M\xe9\x03.", 0, 64)
        if data[:1] == b"\x80" and at > 0:
            yield data[at + 4 :]


def distributed():
    """A pickle up to a byte of 255, and the end of a run of archives."""
    for pickle in pickles():
        yield pickle + b"\xff" + b"PK\x05\x06" + bytes(18)


def indexes():
    """Which index it is, and the index."""
    for kind, suffix in enumerate([".metadata", ".index.json", ".onnx", ".index"]):
        for _, data in ending(suffix):
            yield bytes([kind]) + data


def stamps():
    """Whole files, and pickles, each also stamped before it is read, and stamped and changed near the end."""
    kinds = [bytes([0]), bytes([2]), bytes([2 | 2 << 5]) + struct.pack("<HBHB", 300, 1, 30, 2)]
    for kind in kinds:
        for _, data in files():
            yield kind + data
        for pickle in pickles():
            yield bytes([kind[0] | 1]) + kind[1:] + pickle


def tar():
    """Members of a tar: `storages` and `tensors` behind their lengths, and `pickle`."""
    for path, data in ending("tar.pt"):
        if data[257:262] == b"ustar":
            with tarfile.open(path) as archive:
                storages, tensors, pickle = (archive.extractfile(n).read() for n in ("storages", "tensors", "pickle"))
            yield struct.pack("<H", len(storages)) + storages + struct.pack("<H", len(tensors)) + tensors + pickle


# What the input of a target is, where it is not a whole file.
SEEDS = {
    "flax_msgpack": flax,
    "gguf": lambda: behind(4, ".gguf"),
    "hdf5": hdf5,
    "npy": npy,
    "onnx": lambda: behind(2, ".onnx"),
    "pickle": pickles,
    "safetensors": headers,
    "set": indexes,
    "stamp": stamps,
    "tf_index": lambda: behind(0, ".index"),
    "torch_dcp": distributed,
    "torch_legacy": stacked,
    "torch_tar": tar,
    "torch_zip": pickles,
}


def seeds(target):
    """Writes the seeds of a target; returns their folder."""
    folder = HERE / "corpus" / f"{target}-seeds"
    folder.mkdir(parents=True, exist_ok=True)
    source = SEEDS.get(target, lambda: (data for _, data in files()))
    for index, data in enumerate(source()):
        (folder / str(index)).write_bytes(data)
    return folder


def cargo(*args, **more):
    # The sanitizer's flags are unstable; this lets the stable toolchain take them.
    env = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    if Path("/dev/shm").is_dir():
        env["TMPDIR"] = "/dev/shm"
    return subprocess.run(["cargo", "fuzz", *args], cwd=HERE.parent, env=env, **more)


def run(target, seconds):
    corpus = HERE / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    limits = [f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=20", "-max_len=65536"]
    done = cargo("run", target, str(corpus), str(seeds(target)), "--", *limits, "-print_final_stats=1",
                 capture_output=True, text=True)
    (HERE / "corpus" / f"{target}.log").write_text(done.stdout + done.stderr)
    number = lambda name: (re.findall(rf"{name}:? +([0-9]+)", done.stderr) or ["?"])[-1]
    verdict = "ok" if done.returncode == 0 else f"FAILED, see {HERE / 'corpus' / target}.log"
    runs, memory = number("stat::number_of_executed_units"), number("stat::peak_rss_mb")
    print(f"{target}: {verdict}; {runs} runs, {number('cov')} edges, {memory} MB", flush=True)
    return done.returncode == 0


def main():
    names = re.findall(r'^name = "(\w+)"$', (HERE / "Cargo.toml").read_text(), re.MULTILINE)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10, help="time for each target (10)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at the same time (2)")
    parser.add_argument("targets", nargs="*", metavar="target", help=f"of: {', '.join(names)}")
    options = parser.parse_args()
    unknown = set(options.targets) - set(names)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if cargo("build").returncode:
        sys.exit("the targets do not build")
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        seconds = round(options.minutes * 60)
        good = list(pool.map(lambda target: run(target, seconds), options.targets or names))
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
