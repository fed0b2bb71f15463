#!/usr/bin/env python3
"""Ratio and speed of our chunk codec beside other compressors: the same bytes, chunks of 16 MiB, one thread, one run.

  run.py [--mb 256] [--rounds 3] [--work DIR] --python PY_WITH_ZIPNN_BLOSC_ZSTANDARD --gen-python PY_WITH_TORCH

A tool whose package is missing is left out. Tools take turns; each number is the best of all rounds.
"""
import argparse, json, os, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
KINDS = {"bf16": ("bfloat16", 2), "fp16": ("float16", 2), "fp32": ("float32", 4), "fp32 of bf16 values": ("float32", 4)}
OTHERS = {"zipnn": "ZipNN", "zstd-3": "zstd-3", "blosc-lz4-5": "blosc lz4-5 shuffle"}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--mb", type=float, default=256)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "git-theta-bench", "codec"))
    ap.add_argument("--python", default=sys.executable)
    ap.add_argument("--gen-python", default=sys.executable)
    a = ap.parse_args()
    os.makedirs(a.work, exist_ok=True)
    subprocess.run(["cargo", "build", "--quiet", "--release", "-p", "git-theta-core", "--example", "codec_file"], cwd=ROOT,
                   check=True)
    target = json.loads(subprocess.run(["cargo", "metadata", "--no-deps", "--format-version", "1"], cwd=ROOT, check=True,
                                       capture_output=True).stdout)["target_directory"]
    # With a default target triple cargo puts the program one folder deeper.
    ours = [p for d in [target, *(e.path for e in os.scandir(target) if e.is_dir())]
            if os.path.exists(p := os.path.join(d, "release", "examples", "codec_file"))]
    ours = max(ours, key=os.path.getmtime)
    got, versions = {}, {}
    for kind, (dtype, width) in KINDS.items():
        path = os.path.join(a.work, f"{kind.replace(' ', '-')}-{a.mb:g}")
        if not os.path.exists(path):
            subprocess.run([a.gen_python, os.path.join(os.path.dirname(HERE), "gen.py"), "raw", "--out", path, "--mb",
                            str(a.mb), "--kind", kind.replace(" ", "-")], check=True, stdout=sys.stderr)
        for _ in range(a.rounds):
            for tool in ["git-theta", *OTHERS]:
                cmd = ([ours, path, str(width), "2"] if tool == "git-theta"
                       else [a.python, "-W", "ignore", os.path.join(HERE, "others.py"), tool, path, dtype, "2"])
                r = subprocess.run(cmd, capture_output=True, text=True)
                if r.returncode:
                    print(f"{tool}: {r.stderr.strip().splitlines()[-1]}", file=sys.stderr)
                    continue
                m = json.loads(r.stdout.splitlines()[-1])
                b = got.setdefault((kind, tool), m)
                b["encode"], b["decode"] = min(b["encode"], m["encode"]), min(b["decode"], m["decode"])
    ask = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    for tool, package in {"zipnn": "zipnn", "zstd-3": "zstandard", "blosc-lz4-5": "blosc"}.items():
        versions[tool] = subprocess.run([a.python, "-c", ask, package], capture_output=True, text=True).stdout.strip()
    tools = [t for t in ["git-theta", *OTHERS] if any(k[1] == t for k in got)]
    print(f"Chunk codec, {a.mb:g} MB of each kind in chunks of 16 MiB, one thread: size in % of raw (encode / decode, MB/s), best "
          f"of {2 * a.rounds}.\n")
    print("| data | " + " | ".join("git-theta" if t == "git-theta" else
                                   f"{OTHERS[t]} ({'python-' if t != 'zipnn' else ''}{'zstandard ' if t == 'zstd-3' else 'blosc ' if t != 'zipnn' else ''}{versions[t]})"
                                   for t in tools) + (" | against ZipNN: size ≤ +1.0 point, encode ≥ 1.5 × |" if "zipnn" in tools else " |"))
    print("|---" * (len(tools) + 1 + ("zipnn" in tools)) + "|")
    for kind in KINDS:
        cells = []
        for t in tools:
            m = got[kind, t]
            cells.append(f"{100 * m['encoded'] / m['raw']:.2f} ({m['raw'] / 1e6 / m['encode']:.0f} / "
                         f"{m['raw'] / 1e6 / m['decode']:.0f})")
        if "zipnn" in tools:
            x, z = got[kind, "git-theta"], got[kind, "zipnn"]
            points, speed = 100 * (x["encoded"] - z["encoded"]) / x["raw"], z["encode"] / x["encode"]
            cells.append(f"{points:+.2f}, {speed:.2f} × {'pass' if points <= 1 and speed >= 1.5 else '**miss**'}")
        print(f"| {kind} | " + " | ".join(cells) + " |")


main()
