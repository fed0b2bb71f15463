#!/usr/bin/env python3
"""Peak memory of git-theta's own processes on a large checkpoint.

    python3 bench/memory.py [--gib 4] [--dir FOLDER] [--limit 400]

Writes a safetensors file of pseudo-random bytes, runs add, plain add, status, checkout both ways
and fsck in a new repository, and prints for each step the peak resident memory (VmHWM, sampled) of
git-theta's processes, and of git and git-lfs for comparison. Exits 1 when one of ours is over the
limit (MiB). Needs Linux, git-lfs, and about four times the size on disk; everything is removed.
"""

import argparse
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODEL = "model.safetensors"
BLOCK = 1 << 20
TENSOR = 64 << 20


def generate(path, size):
    """A safetensors file of bfloat16 tensors of 64 MiB, its bytes pseudo-random."""
    count = size // TENSOR
    header = {
        f"layer.{i}.weight": {
            "dtype": "BF16",
            "shape": [TENSOR // 8192, 4096],
            "data_offsets": [i * TENSOR, (i + 1) * TENSOR],
        }
        for i in range(count)
    }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    source = random.Random(7)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _ in range(count * TENSOR // BLOCK):
            file.write(source.randbytes(BLOCK))
    return 8 + len(text)


def change(path, offset, seed):
    """Overwrites one tensor."""
    source = random.Random(seed)
    with open(path, "r+b") as file:
        file.seek(offset)
        for _ in range(TENSOR // BLOCK):
            file.write(source.randbytes(BLOCK))
    past = time.time() - 10 + seed % 5
    os.utime(path, (past, past))


class Sampler(threading.Thread):
    """Peak memory of every process that has our mark in its environment, by kind."""

    def __init__(self, mark):
        super().__init__(daemon=True)
        self.mark = mark.encode()
        self.peaks = {}
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            for pid in filter(str.isdigit, os.listdir("/proc")):
                self.sample(pid)
            time.sleep(0.01)

    def sample(self, pid):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if self.mark not in file.read():
                    return
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                kind = self.kind(file.read().decode(errors="replace").split("\0"))
            with open(f"/proc/{pid}/status", encoding="utf8") as file:
                line = next((line for line in file if line.startswith("VmHWM:")), None)
        except OSError:
            return
        if line and kind:
            self.peaks[kind] = max(self.peaks.get(kind, 0), int(line.split()[1]) / 1024)

    @staticmethod
    def kind(argv):
        names = [os.path.basename(word) for word in argv]
        if names[0].startswith("node"):
            return next((n for n in names[1:] if n.endswith(".js")), "node")
        return names[0] if names[0] in ("git", "git-lfs") else None


class Bench:
    def __init__(self, folder, limit):
        self.limit = limit
        self.failed = False
        self.mark = f"GIT_THETA_BENCH={os.path.basename(folder)}"
        bin_folder = os.path.join(folder, "bin")
        self.repo = os.path.join(folder, "repo")
        os.makedirs(bin_folder)
        os.makedirs(self.repo)
        for name in ("git-theta", "git-theta-filter"):
            path = os.path.join(bin_folder, name)
            with open(path, "w", encoding="utf8") as file:
                file.write(f'#!/bin/sh\nexec node "{ROOT}/bin/{name}.js" "$@"\n')
            os.chmod(path, 0o755)
        config = os.path.join(folder, "gitconfig")
        with open(config, "w", encoding="utf8") as file:
            file.write("[user]\n\tname = Bench\n\temail = bench@example.invalid\n[gc]\n\tauto = 0\n")
        self.env = {
            **{k: v for k, v in os.environ.items() if not k.startswith("GIT_")},
            "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
            "GIT_CONFIG_GLOBAL": config,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_THETA_BENCH": os.path.basename(folder),
        }

    def run(self, *args):
        subprocess.run(["git", *args], cwd=self.repo, env=self.env, check=True, stdout=subprocess.DEVNULL)

    def step(self, name, *args):
        sampler = Sampler(self.mark)
        sampler.start()
        start = time.monotonic()
        self.run(*args)
        seconds = time.monotonic() - start
        sampler.ended.set()
        sampler.join()
        ours = {k: v for k, v in sampler.peaks.items() if k.endswith(".js")}
        others = {k: v for k, v in sampler.peaks.items() if k not in ours}
        over = [k for k, v in ours.items() if v > self.limit]
        self.failed = self.failed or bool(over)
        show = lambda peaks: ", ".join(f"{k} {v:.0f}" for k, v in sorted(peaks.items())) or "-"
        verdict = " OVER" if over else ""
        print(f"| {name} | {seconds:.1f} | {show(ours)}{verdict} | {show(others)} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--gib", type=float, default=4)
    parser.add_argument("--dir", default=None, help="where to work (default: the system's)")
    parser.add_argument("--limit", type=float, default=400, help="MiB")
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="git-theta-memory-", dir=args.dir)
    try:
        bench = Bench(folder, args.limit)
        bench.run("init", "--quiet", "-b", "main")
        bench.run("theta", "install")
        bench.run("theta", "track", MODEL)
        model = os.path.join(bench.repo, MODEL)
        offset = generate(model, int(args.gib * (1 << 30)))
        print(f"{os.path.getsize(model)} bytes, peak resident memory in MiB\n")
        print("| step | seconds | git-theta's processes | others |\n|---|---|---|---|")
        bench.step("git theta add, first", "theta", "add", MODEL)
        bench.step("git commit", "commit", "--quiet", "-m", "one")
        change(model, offset, 1)
        bench.step("git theta add, one tensor changed", "theta", "add", MODEL)
        bench.run("commit", "--quiet", "-m", "two")
        os.utime(model, (time.time() - 20, time.time() - 20))
        bench.step("git status after touch", "status")
        change(model, offset + TENSOR, 2)
        bench.step("git add, one tensor changed", "add", MODEL)
        bench.step("git commit after git add", "commit", "--quiet", "-m", "three")
        bench.run("config", "theta.smudgeLimit", "1m")
        bench.step("git checkout of the version before, by the hook", "checkout", "--quiet", "HEAD~1")
        os.remove(model)
        bench.step("git theta checkout", "theta", "checkout", MODEL)
        bench.run("config", "theta.smudgeLimit", "64g")
        bench.step("git checkout of the newest version, by the filter", "checkout", "--quiet", "main")
        bench.step("git theta fsck", "theta", "fsck")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
