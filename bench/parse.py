#!/usr/bin/env python3
"""What parsing takes, beside the safetensors crate and torch.load: time, bytes read, memory.

  parse.py [--rounds 5] [--work DIR] [--python PY_WITH_TORCH] [--write]

Files: a torch zip of 10,000 tensors, a safetensors file of 100,000, a torch zip and a (sparse) safetensors file of 1 GiB.
--write puts the table into README.md of this folder. Times are the best of all rounds; the files are in the page cache.
"""
import argparse, json, os, subprocess, tempfile
from run import README, ROOT, between

CLI = os.path.join(ROOT, "bin", "git-theta.js")

MAKE = """
import sys, os, json, struct, torch
out = sys.argv[1]
def once(name, write):
    path = os.path.join(out, name)
    if not os.path.exists(path):
        write(path + ".part"); os.replace(path + ".part", path)
def many(path):
    torch.save({f"layers.{i // 10}.block.{i % 10}.weight": torch.full((8,), float(i)) for i in range(10_000)}, path)
def entries(path, n, nbytes):
    head = {f"layers.{i // 10}.block.{i % 10}.weight": {"dtype": "F32", "shape": [nbytes // 4],
            "data_offsets": [i * nbytes, (i + 1) * nbytes]} for i in range(n)}
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.truncate(8 + len(text) + n * nbytes)
once("tensors-10000.pt", many)
once("tensors-100000.safetensors", lambda p: entries(p, 100_000, 4))
once("gib.pt", lambda p: torch.save({f"w{i}": torch.zeros(16 << 20) for i in range(16)}, p))
once("gib.safetensors", lambda p: entries(p, 16, 64 << 20))
"""

LOAD = """
import sys, time, torch
best = 1e9
for _ in range(int(sys.argv[2])):
    start = time.perf_counter(); torch.load(sys.argv[1]); best = min(best, time.perf_counter() - start)
print(best)
"""

# Seconds of a process, best of n.
TIME = """
const { spawnSync } = require('node:child_process');
const [n, ...args] = process.argv.slice(1);
let best = Infinity;
for (let i = 0; i < n; i++) {
  const start = process.hrtime.bigint();
  const done = spawnSync(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (done.status !== 0) process.exit(1);
  best = Math.min(best, Number(process.hrtime.bigint() - start) / 1e9);
}
console.log(best);
"""


def output(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT, **more).stdout


def example():
    lines = output("cargo", "build", "--release", "--message-format=json", "-p", "git-theta-core", "--example", "parse_file")
    found = [m["executable"] for m in map(json.loads, lines.splitlines())
             if m.get("target", {}).get("name") == "parse_file" and m.get("executable")]
    return found[-1]


def verdict(good):
    return "pass" if good else "**miss**"


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--rounds", type=int, default=5)
    ap.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "git-theta-bench", "parse"))
    ap.add_argument("--python", default="/usr/bin/python3")
    ap.add_argument("--write", action="store_true")
    a = ap.parse_args()
    os.makedirs(a.work, exist_ok=True)
    output(a.python, "-W", "ignore", "-c", MAKE, a.work)
    program, n = example(), str(a.rounds)
    torch = output(a.python, "-W", "ignore", "-c", "import torch; print(torch.__version__)").strip()
    rows = []
    targets = {"tensors-10000.pt": 0.150, "tensors-100000.safetensors": 0.300}
    for name in [*targets, "gib.pt", "gib.safetensors"]:
        path = os.path.join(a.work, name)
        got = json.loads(output(program, path, n))
        # Memory of one parse alone, in a process of its own.
        peak = json.loads(output(program, path, "1"))["peak"]
        against = []
        if got["crate"]:
            against.append(f"safetensors crate {got['seconds'] / got['crate']:.2f}")
        if name == "tensors-10000.pt":
            load = float(output(a.python, "-W", "ignore", "-c", LOAD, path, n))
            against.append(f"torch.load {got['seconds'] / load:.2f}")
        limit = targets.get(name)
        target = "" if limit is None else f", target {1000 * limit:.0f}: {verdict(got['seconds'] <= limit)}"
        bound = (64 << 20) + 3 * got["literal"]
        rows.append(f"| {name} | {got['tensors']:,} | {1000 * got['seconds']:.1f} ms{target} | {'; '.join(against) or '–'} | "
                    f"{got['read']:,} | {peak / 2**20:.1f} MiB, bound {bound / 2**20:.0f}: {verdict(peak <= bound)} |")
    start = float(output("node", "-e", TIME, n, CLI, "version"))
    lines = [f"Parsing, best of {n}, one thread; ratios are our time to theirs (torch {torch}).", "",
             "| file | tensors | time | ratio to | bytes read | peak memory |", "|---|---|---|---|---|---|", *rows, ""]
    for name in ["gib.pt", "gib.safetensors"]:
        path = os.path.join(a.work, name)
        took = float(output("node", "-e", TIME, n, CLI, "inspect", "--json", path)) - start
        read = json.loads(output("node", CLI, "inspect", "--json", path))["bytesRead"]
        lines.append(f"- `git theta inspect {name}` (1 GiB): {1000 * took:.0f} ms over `git theta version`, target 50: "
                     f"{verdict(took <= 0.05)}; {read:,} bytes of the file read.")
    table = "\n".join(lines)
    print(table)
    if a.write:
        between(README, "<!-- parse:start -->", "<!-- parse:end -->", table)


main()
