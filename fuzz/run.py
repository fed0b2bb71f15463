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


# What the input of a target is, where it is not a whole file.
SEEDS = {"pickle": pickles, "torch_zip": pickles, "safetensors": headers}


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
