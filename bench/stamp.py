#!/usr/bin/env python3
"""What a stamp costs in a checkpoint of 1 GiB: time, bytes written, memory; beside sha256sum and a new torch.save.

  stamp.py [--rounds 12] [--mb 1074] [--work DIR] [--python PY_WITH_TORCH] [--write]

The file is the first version of run.py's bf16 checkpoint. --write puts the table into README.md of this folder.

Each round takes process start, hashing alone, stamping and unstamping in place, and the other hashers; every fourth one
also stamping by a copy, verify, and torch. Times are the best of all rounds, so that what else the machine does counts
little; the file is in the page cache, and nothing waits to be written. Bytes are those that the step's processes made the
system write, the most of all rounds, and memory is that of the largest of them, both as the system accounts for processes
that ended. After each way back the file is compared with the one of before.
"""
import argparse, filecmp, json, os, shutil, subprocess, tempfile, time, zipfile
import run
from run import README, ROOT, between

CLI = os.path.join(ROOT, "bin", "git-theta.js")

# Seconds for the file's SHA-256, for the hashes of the tensors, and for both as a stamp takes them.
HASH = """
const [root, path] = process.argv.slice(1);
const native = require(`${root}/dist/native.js`);
const { contentOf } = require(`${root}/dist/provenance/stamping/content.js`);
const size = require('node:fs').statSync(path).size;
const time = async (work) => {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e9;
};
(async () => {
  const file = await native.stampRead(path);
  const both = await time(() => contentOf(path, file, size));
  const tensors = await time(() => native.contentHash(path));
  const sha256 = await time(() => native.fileDigests(path, false));
  console.log(JSON.stringify({ both, tensors, sha256 }));
})();
"""

SAVE = """
import os, sys, time, torch
path = sys.argv[1]
start = time.perf_counter()
held = torch.load(path)
held["git_theta_provenance"] = {"commit": "0" * 40}
torch.save(held, path + ".new")
with open(path + ".new", "rb") as f:
    os.fsync(f.fileno())
os.replace(path + ".new", path)
print(time.perf_counter() - start)
"""


def step(*command, cwd, inner=False):
    """Runs a command: seconds, bytes that it had written, its peak memory and its output."""
    os.sync()
    with tempfile.TemporaryFile("w+") as out:
        start = time.perf_counter()
        child = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out)
        _, status, used = os.wait4(child.pid, 0)
        took = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read()
    if child.returncode:
        raise SystemExit(f"{' '.join(command)[:200]} failed: {child.returncode}")
    return {"s": float(text) if inner else took, "written": 512 * used.ru_oublock, "peak": 1024 * used.ru_maxrss, "text": text}


def repository(at, model):
    """A project with committed code, and a checkpoint that git ignores."""
    shutil.rmtree(at, ignore_errors=True)
    os.makedirs(os.path.join(at, "out"))
    for name, text in (("train.py", "print(1)\n"), (".gitignore", "/out/\n")):
        with open(os.path.join(at, name), "w") as f:
            f.write(text)
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "Bench", "GIT_AUTHOR_EMAIL": "bench@example.invalid",
           "GIT_COMMITTER_NAME": "Bench", "GIT_COMMITTER_EMAIL": "bench@example.invalid"}
    for args in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "code"]):
        subprocess.run(["git", *args], cwd=at, env=env, check=True)
    file = os.path.join(at, "out", "model.pt")
    shutil.copyfile(model, file)
    return file


def reflinks(at):
    """Does the file system share blocks of copies?"""
    with tempfile.TemporaryDirectory(dir=at) as inside:
        old, new = os.path.join(inside, "old"), os.path.join(inside, "new")
        shutil.copyfile(CLI, old)
        return subprocess.run(["cp", "--reflink=always", old, new], capture_output=True).returncode == 0


def rounds(a, model):
    """-> {step: [result of each round]}"""
    at = os.path.join(a.work, "stamped")
    file = repository(at, model)
    git = lambda *args, **kw: step("node", CLI, *args, cwd=at, **kw)
    theta = lambda *args: git("provenance", *args, file)
    tools = {name: shutil.which(name) for name in ("sha256sum", "b3sum")}
    found = {}

    def same(what):
        if not filecmp.cmp(model, file, shallow=False):
            raise SystemExit(f"{what}: other bytes than before")

    for turn in range(-1, a.rounds):
        now = {"start": git("version")}
        now["hash"] = step("node", "-e", HASH, ROOT, file, cwd=at)
        for name in tools:
            if tools[name]:
                now[name] = step(tools[name], file, cwd=at)
        now["in place"] = theta("stamp", "--in-place")
        now["again"] = theta("stamp", "--in-place")
        now["read"] = theta("read")
        now["unstamp in place"] = theta("unstamp", "--in-place")
        if turn % 4 == 0:
            same("unstamp --in-place")
            now["copy"] = theta("stamp")
            now["verify"] = theta("verify")
            now["unstamp"] = theta("unstamp")
            same("unstamp")
            now["torch"] = step(a.python, "-W", "ignore", "-c", SAVE, file, cwd=at, inner=True)
            shutil.copyfile(model, file)
        now["hash"] |= json.loads(now["hash"]["text"])
        # The first round warms caches.
        if turn >= 0:
            for name, got in now.items():
                found.setdefault(name, []).append(got)
    shutil.rmtree(at)
    return found


def verdict(good):
    return "pass" if good else "**miss**"


def table(a, model, found):
    size = os.path.getsize(model)
    with zipfile.ZipFile(model) as archive:
        pickle = next(e.file_size for e in archive.infolist() if e.filename.endswith("/data.pkl"))
        bound = pickle + (size - archive.start_dir) + (1 << 20)
    shared = reflinks(a.work)
    best = lambda name, key="s": min(got[key] for got in found[name])
    most = lambda name, key: max(got[key] for got in found[name])
    hashing, start = best("hash", "both"), best("start")
    beyond = best("in place") - start - hashing
    torch = subprocess.run([a.python, "-W", "ignore", "-c", "import torch; print(torch.__version__)"],
                           capture_output=True, text=True).stdout.strip()
    names = {"in place": "`stamp --in-place`", "copy": "`stamp`", "again": "`stamp`, nothing new", "read": "`read`",
             "verify": "`verify`", "unstamp in place": "`unstamp --in-place`", "unstamp": "`unstamp`",
             "torch": f"torch {torch}"}
    others = " and ".join(f"{hashing / best(name):.2f} of the time of `{name}`" for name in ("sha256sum", "b3sum") if name in found)
    lines = [f"A torch zip of {size / 1e6:.0f} MB, in a repository of two files, on {run.text('findmnt', '-no', 'FSTYPE', '-T', a.work)}; "
             f"best of {a.rounds}. torch: `torch.load`, one more key, `torch.save` and fsync, without the start of Python.", "",
             "| command | time | ratio to torch | written | peak memory |", "|---|---|---|---|---|"]
    lines += [f"| {shown} | {best(name):.2f} s | {best(name) / best('torch'):.2f} | {most(name, 'written') / 1e6:.2f} MB | "
              f"{most(name, 'peak') / 2**20:.0f} MiB |" for name, shown in names.items()]
    written, copied = most("in place", "written"), most("copy", "written")
    lines += ["", f"- `stamp --in-place` wrote {written:,} bytes; target: pickle, directory and 1 MiB, {bound:,}: "
              f"{verdict(written <= bound)}.",
              f"- `stamp` wrote {copied:,} bytes" + (f", since the file system shares blocks: {verdict(copied <= bound)}." if shared
                                                     else ": a copy, since the file system shares no blocks.")]
    lines += [f"- `stamp --in-place` beyond hashing ({1000 * hashing:.0f} ms) and the start of a process (`git theta version`, "
              f"{1000 * start:.0f} ms): {1000 * beyond:.0f} ms, target 100: {verdict(beyond <= 0.1)}.",
              f"- Hashing, the file's SHA-256 beside the tensors' hashes: {size / 1e9 / hashing:.2f} GB/s, target 1.5: "
              f"{verdict(size / 1e9 / hashing >= 1.5)}; SHA-256 alone {size / 1e9 / best('hash', 'sha256'):.2f} GB/s, tensors alone "
              f"{size / 1e9 / best('hash', 'tensors'):.2f} GB/s. Both together take {others}."]
    return "\n".join(lines)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--rounds", type=int, default=12)
    ap.add_argument("--mb", type=float, default=1074, help="size of the checkpoint, 10^6 bytes")
    ap.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "git-theta-bench"), help="scratch folder; needs five times the size")
    ap.add_argument("--python", default="/usr/bin/python3", help="Python with torch")
    ap.add_argument("--write", action="store_true", help="put the result into README.md")
    a = ap.parse_args()
    os.makedirs(a.work, exist_ok=True)
    model = os.path.join(run.data(a, a.mb, "bf16"), "v1", "model.pt")
    result = table(a, model, rounds(a, model))
    print(result)
    if a.write:
        between(README, "<!-- stamp:start -->", "<!-- stamp:end -->", result)


if __name__ == "__main__":
    main()
