#!/usr/bin/env python3
"""The whole table: git-theta beside the other tools in one run, medians with ratios pair by pair.

  run.py [--reps 5] [--mb 1074] [--memory-mb 4295] [--work DIR] [--write]
         [--package git-theta.tgz] [--theta-py VENV/bin] [--dvc VENV/bin] [--codec-python VENV/bin/python]
  run.py --table results.jsonl [--write]        prints the table of an earlier run again

Needs what `npm run setup` and `npm run test:setup` bring: the built addon, a current git-lfs, the LFS server, a Python
with torch. Other tools take part when their programs are named. --write puts the result into README.md,
and its summary into the project's.

1. Start-up: each command and `node -e 0` in turns.
2. Time: repetitions are the outer loop, and the tools' order turns by one with each, so that the tools meet the same
   state of the machine. No memory is sampled: on two cores that would cost time.
3. Memory: the same steps once more with sampling, and once for a larger checkpoint.
4. Codec, when there is a Python for it.

LFS objects go to a real server over HTTP on the loopback interface; plain git goes through a folder, for all tools.
"""
import argparse, json, os, platform, re, shutil, signal, socket, statistics as st, subprocess, sys, tempfile, time
from types import SimpleNamespace
import bench

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
README, FRONT = os.path.join(HERE, "README.md"), os.path.join(ROOT, "README.md")
SUPPORT = os.path.join(ROOT, "__test__", "support", "lfs_server.conf.py")


def text(*cmd, **kw):
    r = subprocess.run(cmd, capture_output=True, text=True, stdin=subprocess.DEVNULL, **kw)
    return (r.stdout or r.stderr).strip() if r.returncode == 0 else ""


class Server:
    """giftless on a free loopback port, with the settings of the integration tests."""

    def __init__(self, python, at):
        self.storage = os.path.join(at, "objects")
        config = os.path.join(at, "giftless.yaml")
        os.makedirs(self.storage, exist_ok=True)  # its workers would race for making it
        with open(config, "w") as f:  # JSON is YAML
            json.dump({"LEGACY_ENDPOINTS": False, "AUTH_PROVIDERS": ["giftless.auth.allow_anon:read_write"],
                       "TRANSFER_ADAPTERS": {"basic": {
                           "factory": "giftless.transfer.basic_streaming:factory",
                           "options": {"storage_class": "lfs_storage:BlockStorage",
                                       "storage_options": {"path": self.storage}}}}}, f)
        with open(os.path.join(at, "server.log"), "wb") as log:
            # It ends by itself when its standard input closes, so also when this script is killed.
            self.process = subprocess.Popen(
                [python, "-m", "gunicorn", "--config", SUPPORT, "giftless.wsgi_entrypoint:app"], cwd=at,
                env={**os.environ, "GIFTLESS_CONFIG_FILE": config, "PYTHONPATH": HERE}, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        for line in self.process.stdout:
            if m := re.match(rb"port (\d+)", line):
                self.port = int(m[1])
                break
        else:
            raise SystemExit(f"the LFS server did not start: see {at}/server.log")
        with socket.create_connection(("127.0.0.1", self.port), 60) as s:  # answers once the workers are up
            s.sendall(b"GET / HTTP/1.0\r\n\r\n")
            if not s.recv(1):
                raise SystemExit(f"the LFS server does not answer: see {at}/server.log")

    def empty(self):
        for name in os.listdir(self.storage):
            shutil.rmtree(os.path.join(self.storage, name))

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


def data(a, mb, dtype, versions="v1,v2"):
    """The folder of a checkpoint's versions, made when it is not there yet."""
    at = os.path.join(a.work, f"{dtype}-{mb:g}")
    if not os.path.exists(at):
        subprocess.run([a.python, os.path.join(HERE, "gen.py"), "make", "--out", at + ".part", "--mb", str(mb), "--dtype",
                        dtype, "--versions", versions], check=True)
        os.rename(at + ".part", at)
    return at


def launchers(a):
    """A folder with `git-theta` and `git-theta-filter` as npm would link them."""
    if a.package:
        prefix = os.path.join(a.work, "prefix")
        subprocess.run(["npm", "install", "--silent", "--global", "--prefix", prefix, os.path.abspath(a.package)], check=True)
        return os.path.join(prefix, "bin")
    at = os.path.join(a.work, "bin")
    shutil.rmtree(at, ignore_errors=True)
    os.makedirs(at)
    for name in ("git-theta", "git-theta-filter"):
        os.symlink(os.path.join(ROOT, "bin", name + ".js"), os.path.join(at, name))
    return at


def machine(a, lfs):
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.processor())
    memory = os.sysconf("SC_PHYS_PAGES") * bench.PAGE / 2 ** 30
    probe, block = os.path.join(a.work, "probe"), os.urandom(1 << 22)
    t = time.monotonic()
    with open(probe, "wb") as f:
        for _ in range(128):
            f.write(block)
        f.flush()
        os.fsync(f.fileno())
    speed = 128 * len(block) / 1e6 / (time.monotonic() - t)
    os.unlink(probe)
    return {"machine": f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB memory; {text('findmnt', '-no', 'FSTYPE', '-T', a.work)}, "
                       f"{speed:.0f} MB/s written and synced; Linux {platform.release()}",
            "versions": f"{text('git', 'version')}, {text(os.path.join(lfs, 'git-lfs'), 'version').split()[0]}, "
                        f"node {text('node', '--version')}",
            "load": os.getloadavg()[0], "when": time.strftime("%Y-%m-%d")}


# ---- start-up

def packet(*lines):
    return b"".join(b"%04x%s" % (len(l) + 4, l) for l in lines) + b"0000"


HANDSHAKE = (packet(b"git-filter-client\n", b"version=2\n")
             + packet(b"capability=clean\n", b"capability=smudge\n", b"capability=delay\n"))


def startup(a, theta, lfs, rec):
    """Seconds from start to end: node itself, `git-theta --version`, the filter through git's handshake."""
    with tempfile.TemporaryDirectory(dir=a.work) as at:
        env = {"HOME": at, "GIT_CONFIG_NOSYSTEM": "1", "PATH": os.pathsep.join([theta, lfs, os.environ["PATH"]])}
        subprocess.run(["bash", "-ec", "git init -q . && git theta install >out 2>&1 && git theta track m.pt >out 2>&1"],
                       cwd=at, env=env, check=True)
        commands = {"node -e 0": (["node", "-e", "0"], b""),
                    "git-theta --version": ([os.path.join(theta, "git-theta"), "--version"], b""),
                    "filter": ([os.path.join(theta, "git-theta-filter"), "process"], HANDSHAKE)}
        for rep in range(-3, a.starts):
            for name, (cmd, feed) in commands.items():
                t = time.perf_counter()
                r = subprocess.run(cmd, cwd=at, env=env, input=feed, capture_output=True)
                wall = time.perf_counter() - t
                if r.returncode or (feed and b"git-filter-server" not in r.stdout):
                    raise SystemExit(f"{name}: {r.stdout + r.stderr}")
                if rep >= 0:
                    rec(tool=name, rep=rep, data="start-up", step="start", rc=0, wall=wall)


# ---- the table

class Results:
    def __init__(self, rows):
        self.rows = rows
        self.info = next(r for r in rows if r["step"] == "machine")

    def get(self, data, tool, step, key="wall"):
        """{repetition: value}; the repetitions with sampled memory have names and count for nothing else."""
        return {r["rep"]: r[key] for r in self.rows
                if (r["data"], r["tool"], r["step"]) == (data, tool, step) and key in r and not r.get("rc")
                and (key == "ours" or isinstance(r["rep"], int))}

    def median(self, *at):
        x = self.get(*at)
        return st.median(x.values()) if x else None

    def ratios(self, data, tool, base, step, key="wall", base_step=None):
        x, b = self.get(data, tool, step, key), self.get(data, base, base_step or step, key)
        return [x[r] / b[r] for r in x if r in b]


def number(x, unit):
    return f"{x:.2f} s" if unit == "s" else f"{x * 1000:.1f} ms" if unit == "ms" else f"{x / 1e6:.0f} MB"


def table(rows):
    R = Results(rows)
    info, out = R.info, []
    bf, fp = (next((r["data"] for r in rows if r["data"].startswith(d) and r["rep"] == 0), None)
              for d in ("bf16-", "fp32-"))
    big = next((r["data"] for r in rows if r.get("rep") == "large"), None)
    out += [f"{info['machine']}. {info['versions']}. Measured {info['when']}, load before the start {info['load']:.1f}. "
            f"Medians of {info['reps']}; ratios are medians of the ratios within each repetition, with the smallest and "
            "the largest.", "", "| step | git-theta | against | ratio | target | |", "|---|---|---|---|---|---|"]

    def line(name, unit, target, data, tool, base, step, key="wall", base_step=None):
        q = R.ratios(data, tool, base, step, key, base_step)
        if not q:
            return
        have, want = R.median(data, tool, step, key), R.median(data, base, base_step or step, key)
        spread = f" ({min(q):.2f}–{max(q):.2f})" if len(q) > 1 and max(q) - min(q) >= 0.005 else ""
        m = st.median(q)
        out.append(f"| {name} | {number(have, unit)} | {base} {number(want, unit)} | {m:.2f}{spread} | ≤ {target} | "
                   f"{'pass' if m <= target else '**miss**'} |")

    def size_of(d):
        return f"{d.split('-')[0]}, {next(r['file'] for r in rows if r['step'] == 'data' and r['data'] == d) / 1e6:.0f} MB"

    if bf:
        what = size_of(bf)
        line(f"first `git theta add` ({what})", "s", 1.0, bf, "git-theta", "git-lfs", "add-v1")
        line("bytes stored by it", "MB", 0.68, bf, "git-theta", "git-lfs", "bytes-v1", "stored")
        line("`git theta add`, one tensor changed", "s", 0.3, bf, "git-theta", "git-lfs", "add-v2")
        line("`git status` after `touch`", "s", 0.5, bf, "git-theta", "git-lfs", "status-touched")
        line("`git checkout` of the previous version", "s", 1.0, bf, "git-theta", "git-lfs", "checkout-back")
        line("`git clone`, LFS over HTTP", "s", 0.9, bf, "git-theta", "git-lfs", "clone")
        line("disk used by the clone", "MB", 0.85, bf, "git-theta", "git-lfs", "bytes-clone", "disk")
        line("plain `git add`", "s", 1.5, bf, "git-theta-plain", "git-lfs", "add-v1")
    if fp:
        line(f"first `git theta add` ({size_of(fp)})", "s", 1.0, fp, "git-theta", "git-lfs", "add-v1")
        line("bytes stored by it", "MB", 0.84, fp, "git-theta", "git-lfs", "bytes-v1", "stored")
        for name, step, most in (("`git theta add`", "add-v1", 0.15), ("`git checkout` of the previous version",
                                 "checkout-back", 0.5), ("`git clone`", "clone", 0.5)):
            line(name, "s", most, fp, "git-theta", "git-theta-py", step)
            line(f"memory of {name}", "MB", 0.25, fp, "git-theta", "git-theta-py", step, "ours")
    for name in ("git-theta --version", "filter"):
        q = R.ratios("start-up", name, "node -e 0", "start")
        if q:
            m, lo, *_, hi = st.median(q), *st.quantiles(q, n=20)
            out.append(f"| {'`' + name + '`' if name != 'filter' else 'start of the filter, handshake, end'} | "
                       f"{number(R.median('start-up', name, 'start'), 'ms')} | `node -e 0` "
                       f"{number(R.median('start-up', 'node -e 0', 'start'), 'ms')} | {m:.2f} ({lo:.2f}–{hi:.2f}) | ≤ 1.4 | "
                       f"{'pass' if m <= 1.4 else '**miss**'} |")
    if big:
        limit = 400 * 2 ** 20
        for name, tool, step in (("`git theta add`", "git-theta", "add-v1"), ("plain `git add`", "git-theta-plain", "add-v1"),
                                 ("`git status` after `touch`", "git-theta", "status-touched"),
                                 ("`git theta add`, one tensor changed", "git-theta", "add-v2"),
                                 ("`git push`", "git-theta", "push"), ("`git checkout`", "git-theta", "checkout-back"),
                                 ("`git clone`", "git-theta", "clone")):
            m = R.get(big, tool, step, "ours").get("large")
            if m is not None:
                out.append(f"| memory of {name} ({size_of(big)}) | {m / 2 ** 20:.0f} MiB | | | ≤ 400 MiB | "
                           f"{'pass' if m <= limit else '**miss**'} |")
    out += ["", "Memory is that of the largest process of git-theta (sampled peaks), in a run of its own. Disk and stored "
            "bytes count hard links once; stored is everything but the checkpoint itself."]

    for d in (bf, fp):
        if not d:
            continue
        tools = list(dict.fromkeys(r["tool"] for r in rows if r["data"] == d and r["step"] == "add-v1"))
        steps = [("add v1", "add-v1", "wall"), ("commit", "commit-v1", "wall"), ("status after touch", "status-touched", "wall"),
                 ("add v2, one tensor", "add-v2", "wall"), ("push", "push", "wall"), ("checkout v1", "checkout-back", "wall"),
                 ("checkout main", "checkout-fwd", "wall"), ("clone", "clone", "wall"), ("stored after v1, MB", "bytes-v1", "stored"),
                 ("stored after v2, MB", "bytes-v2", "stored"), ("disk of the clone, MB", "bytes-clone", "disk"),
                 ("largest process in add v1, MB", "add-v1", "rss")]
        out += ["", f"All tools, {size_of(d)} (`.pt`, {info['tensors'].get(d, '?')} tensors), seconds:", "",
                "| step | " + " | ".join(tools) + " |", "|---" * (len(tools) + 1) + "|"]
        for name, step, key in steps:
            x = [R.median(d, t, step, key) for t in tools]
            out.append(f"| {name} | " + " | ".join("" if v is None else f"{v:.2f}" if key == "wall" else f"{v / 1e6:.0f}"
                                                   for v in x) + " |")
        same = {t: {r["same"] for r in rows if r["tool"] == t and r["data"] == d and "same" in r} for t in tools}
        out.append("| contents after checkout and clone | " + " | ".join(
            {"bytes": "same bytes", "tensors": "same tensors", "": ""}.get(" ".join(same[t]), "**differ**") for t in tools) + " |")
    if any(r["tool"] == "dvc" for r in rows):
        out += ["", "DVC pushes to and pulls from a folder, not a server."]
    bad = [r for r in rows if r.get("rc") or r.get("clean") is False]
    for r in bad:
        out.append(f"\n**{r['tool']} {r['data']} {r['step']} repetition {r['rep']}: "
                   + (f"exit code {r['rc']}" if r.get("rc") else f"`git status` is not clean: {r['why'][:200]!r}") + "**")
    for r in rows:
        if r["step"] == "codec":
            out += ["", r["table"]]
    return "\n".join(out)


NAMES = {"git-theta": "git-theta", "git-lfs": "git-lfs", "dvc": "DVC", "git-theta-py": "Python git-theta"}


def summary(rows):
    """The table of the project's front page: one checkpoint, all tools, seconds and bytes."""
    R = Results(rows)
    data = next(r["data"] for r in rows if r["data"].startswith("fp32-") and r["rep"] == 0)
    tools = [t for t in NAMES if R.get(data, t, "add-v1")]
    size = next(r["file"] for r in rows if r["step"] == "data" and r["data"] == data)
    out = [f"One fp32 checkpoint of {size / 1e6:.0f} MB, seconds (medians of {R.info['reps']}) and MB:", "",
           "| | " + " | ".join(NAMES[t] for t in tools) + " |", "|---" * (len(tools) + 1) + "|"]
    for name, step, key in (("first add", "add-v1", "wall"), ("add after one tensor changed", "add-v2", "wall"),
                            ("status after touch", "status-touched", "wall"), ("push", "push", "wall"),
                            ("checkout of the version before", "checkout-back", "wall"), ("clone", "clone", "wall"),
                            ("stored, first version", "bytes-v1", "stored"), ("stored, both versions", "bytes-v2", "stored"),
                            ("disk of a clone", "bytes-clone", "disk")):
        x = [R.median(data, t, step, key) for t in tools]
        out.append(f"| {name} | " + " | ".join("–" if v is None else f"{v:.2f}" if key == "wall" else f"{v / 1e6:.0f}"
                                               for v in x) + " |")
    out += ["", f"{R.info['machine'].split(';')[0]}; {R.info['versions']}. DVC pushes to a folder, the others to a server on the "
            "same machine. [How it is measured, and a bf16 checkpoint](bench/README.md)."]
    return "\n".join(out)


def between(path, begin, end, text):
    """Puts text between two marks of a file."""
    with open(path) as f:
        s = f.read()
    head, _, rest = s.partition(begin)
    with open(path, "w") as f:
        f.write(f"{head}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}")


# ---- the run

def measure(a):
    parts = json.load(open(os.path.join(ROOT, ".test-env", "parts.json")))
    a.python = a.python or parts.get("torchPython") or sys.executable
    lfs = a.lfs or os.path.dirname(parts.get("gitLfs") or shutil.which("git-lfs"))
    os.makedirs(a.work, exist_ok=True)
    theta = launchers(a)
    results = a.out or os.path.join(a.work, "results.jsonl")
    if os.path.exists(results):
        os.unlink(results)

    def rec(**row):
        with open(results, "a") as f:
            f.write(json.dumps(row) + "\n")

    tools = {"git-lfs": [lfs], "git-theta": [theta, lfs], "git-theta-plain": [theta, lfs]}
    if a.dvc:
        tools["dvc"] = [a.dvc]
    against = {k: v for k, v in tools.items() if k != "git-theta-plain"}
    if a.theta_py:
        against["git-theta-py"] = [a.theta_py, lfs]
    sets = [(data(a, a.mb, "bf16"), tools), (data(a, a.mb, "fp32"), against)]
    large = data(a, a.memory_mb, "bf16") if a.memory_mb else None
    count = "import sys, gen; print(len(gen.load(sys.argv[1])))"
    names = {os.path.basename(at): int(text(a.python, "-c", count, os.path.join(at, "v1", "model.pt"), cwd=HERE) or 0)
             for at, _ in sets}
    for at in [s[0] for s in sets] + ([large] if large else []):
        rec(tool="", rep="", data=os.path.basename(at), step="data", file=os.path.getsize(os.path.join(at, "v1", "model.pt")))
    rec(tool="", rep="", data="", step="machine", reps=a.reps, tensors=names, **machine(a, lfs))
    if os.getloadavg()[0] > 0.5:
        print(f"warning: load {os.getloadavg()[0]:.1f}; the times of a busy machine mean little", file=sys.stderr)

    startup(a, theta, lfs, rec)
    server = Server(a.server_python or parts["python"], os.path.join(a.work, "server"))
    try:
        def once(at, tool, bins, rep, every):
            opt = SimpleNamespace(data=at, work=os.path.join(a.work, "runs"), out=results, env=[], python=a.python, every=every,
                                  lfs_url=f"http://127.0.0.1:{server.port}/bench", timeout=3600)
            run = bench.Run(opt, tool, tool, bins, rep)
            run.table()
            if not a.keep:
                shutil.rmtree(run.root, ignore_errors=True)
                server.empty()

        for at, these in sets:
            for rep in range(a.reps):
                order = list(these.items())
                for tool, bins in order[rep % len(order):] + order[:rep % len(order)]:
                    once(at, tool, bins, rep, 0)
        ours = ("git-theta", "git-theta-py")
        for tool in ours:
            if tool in against:
                once(sets[1][0], tool, against[tool], "memory", 0.02)
        if large:
            for tool in ("git-theta", "git-theta-plain"):
                once(large, tool, tools[tool], "large", 0.02)
    finally:
        server.stop()
    if a.codec_python:
        codec = subprocess.run([sys.executable, os.path.join(HERE, "codec", "run.py"), "--python", a.codec_python, "--gen-python",
                                a.python, "--mb", str(min(a.mb, 256)), "--work", os.path.join(a.work, "codec")],
                               stdout=subprocess.PIPE, text=True)
        rec(tool="", rep="", data="", step="codec", table=codec.stdout.strip())
    return results


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--reps", type=int, default=5)
    ap.add_argument("--mb", type=float, default=1074, help="size of the checkpoints, 10^6 bytes")
    ap.add_argument("--memory-mb", type=float, default=4295, help="size of the checkpoint for memory; 0: none")
    ap.add_argument("--starts", type=int, default=40, help="runs of each command for the start-up times")
    ap.add_argument("--work", default=os.path.join(tempfile.gettempdir(), "git-theta-bench"),
                    help="scratch folder; needs 12 times the size of the checkpoint, and 6 times that for memory")
    ap.add_argument("--out", help="results, one JSON object per line (WORK/results.jsonl)")
    ap.add_argument("--package", help="measure this `npm pack` tarball instead of the checkout")
    ap.add_argument("--lfs", help="folder of git-lfs (the current one of `npm run test:setup`)")
    ap.add_argument("--theta-py", help="bin folder of the Python git-theta's environment")
    ap.add_argument("--dvc", help="bin folder of DVC's environment")
    ap.add_argument("--codec-python", help="Python with zipnn, blosc and zstandard: adds the table of codec/run.py")
    ap.add_argument("--python", help="Python with torch, for making and comparing checkpoints")
    ap.add_argument("--server-python", help="Python with giftless and gunicorn")
    ap.add_argument("--keep", action="store_true", help="leave repositories and logs of the steps in WORK/runs")
    ap.add_argument("--write", action="store_true", help="put the result into README.md")
    ap.add_argument("--table", help="print the table of these results instead of measuring")
    a = ap.parse_args()
    results = a.table or measure(a)
    with open(results) as f:
        rows = [json.loads(l) for l in f]
    result = table(rows)
    print(result)
    if a.write:
        between(README, "<!-- results -->", "<!-- /results -->", result)
        between(FRONT, "<!-- bench:start -->", "<!-- bench:end -->", summary(rows))


if __name__ == "__main__":
    main()
