"""Callbacks that tie checkpoints to the commit of their code: for Lightning, and for the Trainer of transformers.

In: a git repository, and the checkpoints that are saved and loaded. Out: a stamp in each saved checkpoint, or
beside it, ``git_info.json`` in the log folder, and an error (``strict``) or a warning (``relaxed``) when
training starts from uncommitted code or a checkpoint meets other code than it was made with. Refused: nothing
but that. A save never fails because of git, since losing a checkpoint costs more than a stamp without its end
state.

    from git_theta_callback import GitCommitCallback, GitCommitTrainerCallback
    trainer = Trainer(callbacks=[GitCommitCallback(git_dir=".", mode="strict")])           # Lightning
    trainer = Trainer(..., callbacks=[GitCommitTrainerCallback(git_dir=".", mode="strict")])  # transformers

One file, standard library only, Python 3.8 or newer, Lightning 1.6 or newer (``lightning`` or
``pytorch_lightning``). Copy it into a project or install ``git-theta-callback``.

Models live in the repository beside the code, so the default comparison leaves them out: paths with the
attribute ``filter=theta`` and all below ``.git_theta/`` never count as changed code. A stamp is a claim by
whoever wrote the file; it finds accidents, not attackers.
"""

import datetime
import fnmatch
import hashlib
import importlib
import json
import logging
import os
import re
import stat
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple, Union

__version__ = "0.1.0"
__all__ = [
    "GitCommitCallback",
    "GitCommitCallbackError",
    "GitCommitCallbackWarning",
    "GitCommitTrainerCallback",
    "GitStatus",
    "gitstatus_from_json",
    "gitstatus_from_lightning_checkpoint",
    "gitstatus_from_repository",
]

STATE_KEY = "GitCommitCallback"
STAMP_KEY = "git_theta_provenance"
SCHEMA = "git-theta/provenance/1"

_logger = logging.getLogger(__name__)


class GitCommitCallbackError(Exception):
    """Raised in strict mode for uncommitted or other code, and whenever git cannot tell its state."""


class GitCommitCallbackWarning(UserWarning, ValueError):
    """Issued in relaxed mode where strict mode raises."""


# ---------------------------------------------------------------- the six fields


@dataclass(frozen=True)
class GitStatus:
    """The six fields of a stamp, with the meaning that pl-git-callback gave them. None: not known."""

    empty: Optional[bool] = None  # no commit yet
    dirty: Optional[bool] = None  # any tracked path differs from HEAD, models included
    num_untracked_files: Optional[int] = None
    commit_hash: Optional[str] = None
    commit_date: Optional[int] = None  # committer date, seconds since 1970
    branch_name: Optional[str] = None  # None with a detached HEAD

    def commit_info(self) -> str:
        """Commit and date, for messages."""
        return f"git(commit={self.commit_hash}, commit_date={self.asc_commit_date})"

    @property
    def asc_commit_date(self) -> str:
        """The commit date in words (UTC), or ``unknown``."""
        if self.commit_date is None:
            return "unknown"
        try:
            return time.asctime(time.gmtime(self.commit_date))
        except (OverflowError, ValueError, OSError):
            return str(self.commit_date)


_FIELDS = tuple(field.name for field in fields(GitStatus))
_TYPES = {
    "empty": bool,
    "dirty": bool,
    "num_untracked_files": int,
    "commit_hash": str,
    "commit_date": int,
    "branch_name": str,
}


def gitstatus_from_repository(git_dir: Union[str, "os.PathLike[str]"]) -> Optional[GitStatus]:
    """The status of the repository that holds the folder ``git_dir``; None outside any.

    Raises GitCommitCallbackError when there is a repository but git cannot tell its status: it is bare or
    of another owner, or git is missing.
    """
    state = _read_state(git_dir)
    return None if state is None else state.status


def gitstatus_from_json(fp: Any) -> Optional[GitStatus]:
    """The status in an open JSON file such as ``git_info.json``; None when it holds something else."""
    try:
        return GitStatus(**json.load(fp))
    except (ValueError, TypeError, RecursionError):
        return None


def gitstatus_from_lightning_checkpoint(ckpt: Mapping[Any, Any]) -> Optional[GitStatus]:
    """The status stamped into a loaded checkpoint, whichever way it is keyed; None without one.

    Known are the key ``GitCommitCallback``, a qualified name that ends in it, the class or a stand-in of
    that name, and any dict that has all six fields.
    """
    found = _find_state(ckpt)
    return None if found is None else _tolerant(found)[0]


def _tolerant(state: Mapping[Any, Any]) -> Tuple[GitStatus, List[str]]:
    """The status in ``state`` and what is odd about it, instead of an error."""
    values: Dict[str, Any] = {}
    odd = []
    for name in _FIELDS:
        value = state.get(name)
        kind = _TYPES[name]
        # bool is an int to Python, not to a reader of the stamp.
        fits = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
        if name not in state:
            odd.append(f"{name} is missing")
        elif value is not None and not fits:
            odd.append(f"{name} is not {kind.__name__}")
        values[name] = value if fits else None
    extra = [_visible(str(name)) for name in state if name not in _FIELDS]
    if extra:
        shown = ", ".join(extra[:5]) + (", ..." if len(extra) > 5 else "")
        odd.append(f"{len(extra)} unknown: {shown}")
    return GitStatus(**values), odd


def _names_callback(key: Any) -> bool:
    """Is ``key`` the callback's class, a stand-in for it, or a name of it?"""
    name = key if isinstance(key, str) else getattr(key, "__qualname__", None)
    return isinstance(name, str) and re.search(r"(?:^|[.:\s])GitCommitCallback(?:$|\{)", name) is not None


def _find_state(ckpt: Any) -> Optional[Mapping[Any, Any]]:
    if not isinstance(ckpt, Mapping):
        return None
    callbacks = ckpt.get("callbacks")
    callbacks = callbacks if isinstance(callbacks, Mapping) else {}
    stamp = ckpt.get(STAMP_KEY)
    compat = stamp.get("compat") if isinstance(stamp, Mapping) else None
    candidates: List[Any] = [callbacks.get(STATE_KEY)]
    candidates += [value for key, value in callbacks.items() if _names_callback(key)]
    whole = [*callbacks.values(), *(compat.values() if isinstance(compat, Mapping) else ()), *ckpt.values()]
    candidates += [value for value in whole if isinstance(value, Mapping) and set(_FIELDS) <= set(value)]
    return next((value for value in candidates if isinstance(value, Mapping) and value), None)


# ---------------------------------------------------------------- git

# They tie a command to the repository or index of the hook that started us.
_NOT_HANDED_ON = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_ATTR_SOURCE",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIFF_OPTS",
    "GIT_DIR",
    "GIT_EXTERNAL_DIFF",
    "GIT_GLOB_PATHSPECS",
    "GIT_GRAFT_FILE",
    "GIT_ICASE_PATHSPECS",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_LITERAL_PATHSPECS",
    "GIT_NAMESPACE",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)


class _GitFailed(GitCommitCallbackError):
    pass


def _git(cwd: Union[str, Path], *args: str, stdin: bytes = b"", ok: Sequence[int] = (0,)) -> bytes:
    """What git prints. It takes no locks and asks nothing."""
    env = {name: value for name, value in os.environ.items() if name not in _NOT_HANDED_ON}
    env.update(GIT_OPTIONAL_LOCKS="0", GIT_TERMINAL_PROMPT="0", LC_ALL="C")
    command = ["git", "--no-pager", "-c", "core.fsmonitor=false", *args]
    try:
        done = subprocess.run(command, cwd=str(cwd), env=env, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        raise GitCommitCallbackError(f"cannot run git: {error}") from error
    if done.returncode not in ok:
        raise _GitFailed(_text(done.stderr).strip() or f"git {args[0]} failed with {done.returncode}")
    return done.stdout


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _visible(name: str) -> str:
    """A name from a file, without what would steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def _records(data: bytes) -> List[bytes]:
    return data.split(b"\0")[:-1]


@dataclass(frozen=True)
class _State:
    """What git tells about the repository at one moment."""

    status: GitStatus
    tree: Optional[str]
    code_tree: Optional[str]
    object_format: str
    shallow: bool
    code_changes: Tuple[str, ...]  # tracked code paths that differ from HEAD
    changes_digest: str  # of their content
    untracked_code: Tuple[str, ...]
    hidden: Tuple[str, ...]  # paths whose changes git is told to overlook

    def identity(self) -> Dict[str, Any]:
        return {
            "commit": self.status.commit_hash,
            "code_tree": self.code_tree,
            "code_dirty": bool(self.code_changes),
        }


def _read_state(git_dir: Union[str, "os.PathLike[str]"]) -> Optional[_State]:
    folder = Path(git_dir).resolve()
    if not folder.is_dir():
        return None
    try:
        facts = _git(
            folder,
            "rev-parse",
            "--is-inside-work-tree",
            "--is-bare-repository",
            "--is-shallow-repository",
            "--show-object-format",
        )
    except _GitFailed as error:
        said = str(error)
        if "not a git repository (or any" in said:
            return None
        if "dubious ownership" in said or "unsafe repository" in said:
            raise GitCommitCallbackError(
                f"the repository at {folder} belongs to another user, so git does not read it; if you trust it: "
                "git config --global --add safe.directory PATH (PATH is its top folder)"
            ) from error
        raise GitCommitCallbackError(f"git cannot read the repository at {folder}: {said}") from error
    inside, bare, shallow, object_format = _text(facts).split()
    if inside != "true":
        what = "is bare: it has no files whose state could be checked" if bare == "true" else "holds no files here"
        raise GitCommitCallbackError(f"the repository at {folder} {what}; give the folder of a work tree as git_dir")
    # On POSIX a folder name is bytes; what fsdecode makes of them leads back to the folder.
    top = Path(os.fsdecode(_git(folder, "rev-parse", "--show-toplevel")[:-1]))
    head = _git(top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=(0, 1)).strip()
    branch = _git(top, "symbolic-ref", "--quiet", "HEAD", ok=(0, 1))[:-1]
    changed, untracked = _changes(top)
    hidden = _hidden(top)
    models = _models(top, [*changed, *untracked, *hidden])
    untracked_code = tuple(_text(path) for path in untracked if path not in models)
    code_changes = [path for path in changed if path not in models]
    common = {
        "object_format": object_format,
        "shallow": shallow == "true",
        "code_changes": tuple(_text(path) for path in code_changes),
        "changes_digest": _digest(top, code_changes),
        "untracked_code": untracked_code,
        "hidden": tuple(_text(path) for path in hidden if path not in models),
    }
    if not head:
        status = GitStatus(empty=True, num_untracked_files=len(untracked))
        return _State(status=status, tree=None, code_tree=None, **common)
    commit = _text(head)
    shown = _git(top, "log", "-1", "--no-show-signature", "--no-color", "--format=%ct %T", commit)
    date, tree = _text(shown).split()
    name = _text(branch)
    status = GitStatus(
        empty=False,
        dirty=bool(changed),
        num_untracked_files=len(untracked),
        commit_hash=commit,
        commit_date=int(date),
        branch_name=(name[len("refs/heads/") :] if name.startswith("refs/heads/") else name) or None,
    )
    return _State(status=status, tree=tree, code_tree=_code_tree(top, commit), **common)


def _changes(top: Path) -> Tuple[List[bytes], List[bytes]]:
    """Tracked paths that differ from HEAD, and untracked ones."""
    changed, untracked = [], []
    said = _git(top, "status", "--porcelain=v2", "-z", "--untracked-files=all", "--no-renames")
    for record in _records(said):
        kind = record[:2]
        if kind == b"? ":
            untracked.append(record[2:])
        elif kind == b"1 ":
            _, state, submodule, _, _, _, _, _, path = record.split(b" ", 8)
            # Untracked files in a submodule are no change, here as in `git diff`.
            if not (state == b".M" and submodule == b"S..U"):
                changed.append(path)
        elif kind == b"u ":
            changed.append(record.split(b" ", 10)[10])
    return changed, untracked


def _hidden(top: Path) -> List[bytes]:
    """Paths marked assume-unchanged, or skip-worktree although they are there (not a sparse checkout)."""
    found = []
    for record in _records(_git(top, "ls-files", "-v", "-z")):
        tag, path = record[:1], record[2:]
        if tag.islower() or (tag == b"S" and os.path.lexists(os.path.join(os.fsencode(str(top)), path))):
            found.append(path)
    return found


def _models(top: Path, paths: Iterable[bytes]) -> Set[bytes]:
    """Those of ``paths`` that hold models, not code."""
    paths = list(paths)
    models = {path for path in paths if path.startswith(b".git_theta/")}
    if paths:
        said = _git(top, "check-attr", "-z", "--stdin", "filter", stdin=b"".join(path + b"\0" for path in paths))
        answers = _records(said)
        models.update(path for path, value in zip(answers[::3], answers[2::3]) if value == b"theta")
    return models


def _digest(top: Path, paths: Iterable[bytes]) -> str:
    """Tells one set of uncommitted changes from another."""
    whole = hashlib.sha256()
    for path in sorted(paths):
        whole.update(path + b"\0" + _content(os.path.join(os.fsencode(str(top)), path)))
    return whole.hexdigest()


def _content(path: bytes) -> bytes:
    try:
        mode = os.lstat(path).st_mode
        one = hashlib.sha256(str(mode).encode())
        if stat.S_ISLNK(mode):
            one.update(os.readlink(path))
        elif stat.S_ISREG(mode):
            with open(path, "rb") as file:
                for piece in iter(lambda: file.read(1 << 20), b""):
                    one.update(piece)
        return one.digest()
    except OSError:
        return b"gone"


def _code_tree(top: Path, commit: str) -> str:
    """The id of the commit's tree without models. Nothing is written: the ids are computed here."""
    entries = []
    for record in _records(_git(top, "ls-tree", "-r", "-z", "--full-tree", commit)):
        meta, path = record.split(b"\t", 1)
        mode, _, oid = meta.split(b" ")
        entries.append((path, mode, oid))
    models = _models(top, (path for path, _, _ in entries))
    # Each folder's entries: name to mode and id.
    folders: Dict[bytes, Dict[bytes, Tuple[bytes, bytes]]] = {b"": {}}
    for path, mode, oid in entries:
        if path in models:
            continue
        folder, _, name = path.rpartition(b"/")
        entry = (mode, bytes.fromhex(oid.decode()))
        while folder not in folders:
            folders[folder] = {name: entry}
            # The parent gets the id once it is known.
            folder, _, name = folder.rpartition(b"/")
            entry = (b"40000", b"")
        folders[folder][name] = entry
    algorithm = "sha1" if len(commit) == 40 else "sha256"
    deepest_first = sorted(folders, key=lambda path: path.count(b"/") + 1 if path else 0, reverse=True)
    oid = b""
    for path in deepest_first:
        oid = _tree_id(folders[path], algorithm)
        if path:
            folder, _, name = path.rpartition(b"/")
            folders[folder][name] = (b"40000", oid)
    return oid.hex()


def _tree_id(entries: Dict[bytes, Tuple[bytes, bytes]], algorithm: str) -> bytes:
    def place(name: bytes) -> bytes:
        # git sorts a folder as if its name ended in a slash.
        return name + b"/" if entries[name][0] == b"40000" else name

    body = b"".join(entries[name][0] + b" " + name + b"\0" + entries[name][1] for name in sorted(entries, key=place))
    options = {} if sys.version_info < (3, 9) else {"usedforsecurity": False}
    return hashlib.new(algorithm, b"tree %d\0" % len(body) + body, **options).digest()


# ---------------------------------------------------------------- what both callbacks do


class _Guard:
    """The state of the code of one run, and what to say of it."""

    def __init__(
        self,
        git_dir: Union[str, "os.PathLike[str]"] = ".",
        mode: str = "relaxed",
        match: str = "code",
        untracked: str = "ignore",
        untracked_ignore: Sequence[str] = (),
    ) -> None:
        super().__init__()
        choices = (("mode", mode, ("relaxed", "strict")), ("match", match, ("code", "commit")))
        choices += (("untracked", untracked, ("ignore", "warn", "fail")),)
        for name, value, allowed in choices:
            if value not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
        if isinstance(untracked_ignore, str):
            raise ValueError("untracked_ignore must be a list of patterns, not one string")
        self.mode = mode
        self.match = match
        self.untracked = untracked
        self.untracked_ignore = tuple(untracked_ignore)
        self.git_dir = git_dir
        # Scripts change their folder after this.
        self._folder = os.path.abspath(os.fspath(git_dir))
        self.disabled = False
        self._started: Optional[str] = None
        self._told_change = False
        self._state: Optional[_State] = None
        self._refresh()

    @property
    def git_status(self) -> Optional[GitStatus]:
        """The status of the running code: at the start of the fit, before that at construction."""
        return None if self._state is None else self._state.status

    def _start(self, folder: Optional[Path], writes: bool) -> None:
        """Checks that the code is committed; writes ``git_info.json`` into the folder if it ``writes``."""
        if self.disabled:
            return
        self._started = _now()
        self._told_change = False
        self._refresh()
        if self._state is None:
            return
        self._gate(self._state)
        if folder is not None and writes:
            try:
                _write_json(folder, "git_info.json", asdict(self._state.status))
            except OSError as error:
                self._complain(f"cannot write git_info.json: {error}")

    def _stamp_now(self, start: _State, asks: bool) -> Dict[str, Any]:
        """The stamp of what is saved now; git is asked again if it ``asks``."""
        end: Optional[_State] = start
        if asks:
            why = f"{self._folder} is not in a git repository any more"
            try:
                end = _read_state(self._folder)
            except GitCommitCallbackError as error:
                end, why = None, str(error)
            if end is None:
                self._warn(f"The stamp lacks the state at saving: {why}")
        return self._stamp(start, end)

    def _refresh(self) -> None:
        """Takes the present state as that of the running code."""
        try:
            self._state = _read_state(self._folder)
            why = f"{self._folder} is not in a git repository"
        except GitCommitCallbackError as error:
            self._state = None
            why = str(error)
        self.disabled = self._state is None
        if self.disabled:
            self._complain(f"GitCommitCallback is disabled: {why}")

    def _gate(self, state: _State) -> None:
        if state.hidden:
            self._warn(f"git is told to overlook changes of {_list(state.hidden)}")
        untracked = [
            path
            for path in state.untracked_code
            if not any(fnmatch.fnmatchcase(path, pattern) for pattern in self.untracked_ignore)
        ]
        if untracked and self.untracked == "warn":
            self._warn(f"Untracked files: {_list(untracked)}")
        if state.status.empty:
            self._complain("Repository has no commit yet. Please commit before you train.")
        elif state.code_changes:
            self._complain(
                f"Repository is not in a clean state: {_list(state.code_changes)}. Please commit before you train."
            )
        if untracked and self.untracked == "fail":
            self._complain(f"Untracked files: {_list(untracked)}. Please commit or ignore them before you train.")

    def _compare(self, checkpoint: Mapping[str, Any], fitting: bool) -> None:
        if self.disabled:
            return
        try:
            now = _read_state(self._folder)
        except GitCommitCallbackError as error:
            self._complain(f"the checkpoint cannot be compared: {error}")
            return
        if now is None:
            self._complain(f"the checkpoint cannot be compared: {self._folder} is not in a git repository any more")
            return
        state = _find_state(checkpoint)
        stamp = checkpoint.get(STAMP_KEY)
        stamped = stamp.get("git") if isinstance(stamp, Mapping) else None
        stamped = stamped if isinstance(stamped, Mapping) else {}
        if state is None and not stamped:
            self._complain("The checkpoint does not contain git status information.")
            return
        then, odd = _tolerant(state or {})
        if odd and state is not None:
            self._warn(f"The git status in the checkpoint is unusual: {'; '.join(odd)}")
        commit = then.commit_hash or _string(stamped.get("commit"))
        # Where the two disagree, the fields are the training's own: a stamp can be put on a file later.
        about_this = _string(stamped.get("commit")) == commit
        tree = _string(stamped.get("code_tree")) if about_this and self.match == "code" else None
        dirty = stamped.get("code_dirty") if about_this else None
        if commit is None:
            self._complain("The checkpoint was made before the first commit, so its code is not known.")
        elif now.status.commit_hash != commit and (tree is None or tree != now.code_tree):
            what = "code" if tree is not None else "commit"
            made = GitStatus(commit_hash=_visible(commit), commit_date=then.commit_date)
            self._complain(
                f"Git status mismatch ({what}) between the checkpoint's {made.commit_info()} "
                f"and the current {now.status.commit_info()}"
            )
        if dirty if isinstance(dirty, bool) else then.dirty:
            self._complain("The checkpoint was made from code with uncommitted changes.")
        # Before a fit that is the gate's to say.
        if not fitting and now.code_changes:
            self._complain(f"The present code has uncommitted changes: {_list(now.code_changes)}")

    def _stamp(self, start: _State, end: Optional[_State]) -> Dict[str, Any]:
        """The body: dicts, lists, strings, integers, booleans and None, which torch loads safely."""
        changed = None
        if end is not None:
            changed = (start.identity(), start.changes_digest) != (end.identity(), end.changes_digest)
        if changed and not self._told_change:
            self._told_change = True
            self._warn("The code in the repository changed during the run; the stamp names the code at its start.")
        status = start.status
        return {
            "schema": SCHEMA,
            "tool": {"name": "git-theta-callback", "version": __version__},
            "stamped_at": _now(fixed=True),
            "git": {
                "source": "git",
                "commit": status.commit_hash,
                "tree": start.tree,
                "code_tree": start.code_tree,
                "object_format": start.object_format,
                "branch": status.branch_name,
                "detached": status.branch_name is None and not status.empty,
                "commit_date": status.commit_date,
                "empty": status.empty,
                "dirty": status.dirty,
                "code_dirty": bool(start.code_changes),
                "untracked": {"count": status.num_untracked_files},
                "flags": {"shallow": start.shallow, "assume_unchanged": list(start.hidden[:100])},
            },
            "run": {
                "started": self._started,
                "start_state": start.identity(),
                "end_state": None if end is None else end.identity(),
                "changed_during_run": changed,
            },
            "compat": {"git_status": asdict(status)},
        }

    def _complain(self, message: str) -> None:
        if self.mode == "strict":
            _logger.error(message)
            raise GitCommitCallbackError(message)
        self._warn(message)

    def _warn(self, message: str) -> None:
        _logger.warning(message)
        warnings.warn(message, category=GitCommitCallbackWarning, stacklevel=3)


# ---------------------------------------------------------------- Lightning


def _callback_bases() -> Tuple[type, ...]:
    """Lightning's Callback: of each Lightning that is imported already, else of the first that is installed.

    Both distributions may be installed side by side and check with their own class.
    """
    names = ("lightning.pytorch", "pytorch_lightning")
    loaded = [getattr(sys.modules.get(name), "Callback", None) for name in names]
    bases: List[type] = []
    for base in loaded:
        if isinstance(base, type) and base not in bases:
            bases.append(base)
    for name in names:
        if bases:
            break
        try:
            bases.append(importlib.import_module(name).Callback)
        except ImportError:
            continue
    # Without Lightning the readers above still work.
    return tuple(bases) or (object,)


class GitCommitCallback(_Guard, *_callback_bases()):  # type: ignore[misc]
    """For Lightning: insists on committed code, stamps checkpoints and compares those that are loaded.

    git_dir: a folder of the repository.
    mode: ``relaxed`` warns with GitCommitCallbackWarning, ``strict`` raises GitCommitCallbackError.
    match: what a loaded checkpoint must agree in: ``code``, the tree without models, or ``commit``. A
        stamp without a tree id is compared by commit.
    untracked: ``ignore`` untracked code files at the start of a fit, ``warn`` about them, or ``fail``:
        they count as uncommitted code.
    untracked_ignore: shell patterns of untracked paths that never count.

    Outside a repository the callback is ``disabled``: a warning, in strict mode an error.
    """

    _loaded = False

    @property
    def state_key(self) -> str:
        """Fixed, so that subclasses and other versions find the state."""
        return STATE_KEY

    def setup(self, *args: Any, **kwargs: Any) -> None:
        """A new run: nothing is loaded yet."""
        self._loaded = False

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Checks that the code is committed, then rank zero writes ``git_info.json``."""
        # The folder's name is broadcast: a rank that does not ask for it makes the others wait.
        log_dir = trainer.log_dir
        self._start(None if log_dir is None else Path(log_dir), trainer.is_global_zero)

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Dict[str, Any]) -> None:
        """Adds the stamp to the checkpoint."""
        start = self._state
        if self.disabled or start is None:
            return
        # What the other ranks hand over is not written; let them not ask git at every save.
        checkpoint[STAMP_KEY] = self._stamp_now(start, getattr(trainer, "is_global_zero", True))

    def state_dict(self) -> Dict[str, Any]:
        """The six fields and nothing else: other readers take no more."""
        return {} if self._state is None else asdict(self._state.status)

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Dict[str, Any]) -> None:
        """Compares the checkpoint with the code. Lightning 1.6 and 1.7 hand over the state alone."""
        self._loaded = True
        if "callbacks" not in checkpoint and "state_dict" not in checkpoint:
            checkpoint = _whole_checkpoint(trainer) or {"callbacks": {STATE_KEY: checkpoint}}
        function = getattr(getattr(trainer, "state", None), "fn", None)
        self._compare(checkpoint, fitting=getattr(function, "value", function) == "fit")

    def load_state_dict(self, state_dict: Dict[str, Any]) -> None:
        """Compares a state that came without its checkpoint."""
        if not self._loaded:
            self._compare({"callbacks": {STATE_KEY: state_dict}}, fitting=False)
        self._loaded = False


def _whole_checkpoint(trainer: Any) -> Optional[Dict[str, Any]]:
    """What Lightning 1.6 and 1.7 are restoring, which they do not hand to callbacks."""
    connector = getattr(trainer, "_checkpoint_connector", None) or getattr(trainer, "checkpoint_connector", None)
    whole = getattr(connector, "_loaded_checkpoint", None)
    return whole if isinstance(whole, dict) and "callbacks" in whole else None


# ---------------------------------------------------------------- transformers


class GitCommitTrainerCallback(_Guard):
    """For the Trainer of Hugging Face transformers: insists on committed code, stamps checkpoints beside their
    weights, and compares the one that a training is resumed from.

    A stamp is a file ``WEIGHTS.provenance.json``, which ``git theta provenance read`` and ``verify`` find. What
    the Trainer calls is all that is needed of it: transformers is not imported.

    Arguments as of GitCommitCallback.
    """

    def __getattr__(self, name: str) -> Any:
        # The Trainer calls every event of its protocol.
        if name.startswith("on_"):
            return _nothing
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Checks that the code is committed, rank zero writes ``git_info.json``; compares what is resumed."""
        folder = Path(args.output_dir)
        self._start(folder, state.is_world_process_zero)
        if self.disabled:
            return
        resumed = getattr(args, "resume_from_checkpoint", None)
        if isinstance(resumed, (str, os.PathLike)) and os.path.isdir(resumed):
            self._resume(Path(resumed))
        elif state.global_step > 0:
            # Where it is called with the folder, that is not among the arguments.
            checkpoint = folder / f"checkpoint-{state.global_step}"
            if checkpoint.is_dir():
                self._resume(checkpoint)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Rank zero writes the stamp beside each file of weights."""
        if self.disabled or self._state is None or not state.is_world_process_zero:
            return
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        stamp = self._stamp_now(self._state, True)
        for weights in _weights(folder):
            try:
                _write_json(folder, f"{weights.name}{_SIDECAR}", stamp)
            except OSError as error:
                self._warn(f"cannot write the stamp of {_visible(weights.name)}: {error}")

    def _resume(self, folder: Path) -> None:
        stamps = [_read_stamp(weights.with_name(weights.name + _SIDECAR)) for weights in _weights(folder)]
        found = next((stamp for stamp in stamps if stamp is not None), None)
        self._compare({} if found is None else {STAMP_KEY: found}, fitting=True)


_SIDECAR = ".provenance.json"
_WEIGHTS = ("model*.safetensors", "pytorch_model*.bin", "adapter_model*.safetensors", "adapter_model*.bin")
# Of a stamp; larger files are none.
_MOST_BYTES = 1 << 20


def _nothing(*args: Any, **kwargs: Any) -> None:
    """An event that is of no interest."""


def _weights(folder: Path) -> List[Path]:
    return sorted(path for pattern in _WEIGHTS for path in folder.glob(pattern) if path.is_file())


def _read_stamp(path: Path) -> Optional[Mapping[str, Any]]:
    try:
        with path.open("rb") as file:
            stamp = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return stamp if isinstance(stamp, dict) else None


# ---------------------------------------------------------------- small things


def _string(value: Any) -> Optional[str]:
    return value if isinstance(value, str) and value else None


def _list(paths: Sequence[str]) -> str:
    shown = ", ".join(_visible(path) for path in paths[:5])
    return shown + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")


def _now(fixed: bool = False) -> str:
    """UTC. ``fixed``: SOURCE_DATE_EPOCH, where it is set."""
    moment = time.time()
    if fixed:
        try:
            moment = int(os.environ["SOURCE_DATE_EPOCH"])
        except (KeyError, ValueError):
            pass
    return datetime.datetime.fromtimestamp(int(moment), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write_json(folder: Path, target: str, value: Any) -> None:
    """Writes a file so that a reader sees the old one or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".git_theta-", dir=str(folder))
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)
        if os.name == "posix":
            # mkstemp makes files for the owner alone.
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(name, 0o666 & ~mask)
        os.replace(name, str(folder / target))
    except BaseException:
        os.unlink(name)
        raise
