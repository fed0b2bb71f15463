"""The six fields and the rich state, against real repositories."""

import os
import subprocess
import sys

import pytest

from git_theta_callback import GitCommitCallbackError, GitStatus, _read_state, gitstatus_from_repository


def status(repo):
    return gitstatus_from_repository(repo.path)


def test_clean(repo):
    assert status(repo) == GitStatus(
        empty=False,
        dirty=False,
        num_untracked_files=0,
        commit_hash=repo.git("rev-parse", "HEAD"),
        commit_date=1700000000,
        branch_name="main",
    )


def test_unborn_branch(make_repo):
    repo = make_repo()
    repo.write("a", "")
    repo.write("b/c", "")
    assert status(repo) == GitStatus(empty=True, num_untracked_files=2)


@pytest.mark.parametrize("staged", [False, True])
def test_modified(repo, staged):
    repo.write("train.py", "print(2)\n")
    if staged:
        repo.git("add", "train.py")
    assert status(repo).dirty is True


def test_only_untracked_is_clean(repo):
    repo.write("new/file", "")
    repo.write("new/other", "")
    assert (status(repo).dirty, status(repo).num_untracked_files) == (False, 2)


def test_deleted_and_renamed(repo):
    repo.git("mv", "train.py", "fit.py")
    assert _read_state(repo.path).code_changes == ("fit.py", "train.py")


def test_merge_conflict(repo):
    repo.git("checkout", "-qb", "side")
    repo.commit(text="print('side')\n")
    repo.git("checkout", "-q", "main")
    repo.commit(text="print('main')\n")
    subprocess.run(["git", "merge", "-q", "side"], cwd=str(repo.path), stdout=subprocess.DEVNULL)
    assert status(repo).dirty is True
    assert _read_state(repo.path).code_changes == ("train.py",)


def test_detached_head(repo):
    repo.git("checkout", "-q", "--detach")
    assert status(repo).branch_name is None
    assert status(repo).commit_hash == repo.git("rev-parse", "HEAD")


def test_branch_name_with_a_tag_of_the_same_name(repo):
    repo.git("checkout", "-qb", "topic/x")
    repo.git("tag", "topic/x")
    assert status(repo).branch_name == "topic/x"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no executable bit")
def test_mode_only(repo):
    os.chmod(str(repo.path / "train.py"), 0o755)
    assert status(repo).dirty is True


def test_subfolder_and_worktree(repo, tmp_path):
    repo.commit("sub/x.py")
    assert gitstatus_from_repository(str(repo.path / "sub")) == status(repo)
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "tree"))
    assert gitstatus_from_repository(tmp_path / "tree").branch_name == "other"


def test_shallow(repo, tmp_path):
    repo.commit(text="print(2)\n")
    url = repo.path.as_uri()
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, str(tmp_path / "shallow")], check=True)
    assert _read_state(tmp_path / "shallow").shallow is True
    assert _read_state(tmp_path / "shallow").code_tree == _read_state(repo.path).code_tree


def test_submodule(repo, make_repo):
    inner = make_repo("inner")
    inner.commit("lib.py")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.path), "lib")
    repo.git("commit", "-qm", "add lib")
    assert status(repo).dirty is False
    repo.write("lib/untracked", "")
    assert status(repo).dirty is False
    repo.write("lib/lib.py", "changed\n")
    assert status(repo).dirty is True


def test_overlooked_paths_are_found(repo):
    repo.git("update-index", "--assume-unchanged", "train.py")
    repo.write("train.py", "changed\n")
    state = _read_state(repo.path)
    assert (state.status.dirty, state.hidden) == (False, ("train.py",))


def test_sha256_repository(make_repo):
    repo = make_repo("sha256", "--object-format=sha256")
    commit = repo.commit()
    state = _read_state(repo.path)
    assert len(commit) == 64
    assert (state.status.commit_hash, state.object_format) == (commit, "sha256")
    assert state.code_tree == repo.git("rev-parse", "HEAD^{tree}")


def test_outside_a_repository(tmp_path):
    (tmp_path / "plain").mkdir()
    assert gitstatus_from_repository(tmp_path / "plain") is None
    assert gitstatus_from_repository(tmp_path / "missing") is None


def test_bare(make_repo):
    with pytest.raises(GitCommitCallbackError, match="is bare"):
        status(make_repo("bare", "--bare"))


def test_inside_the_git_folder(repo):
    with pytest.raises(GitCommitCallbackError, match="work tree"):
        gitstatus_from_repository(repo.path / ".git")


def test_broken_link_to_a_repository(tmp_path):
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    with pytest.raises(GitCommitCallbackError, match="cannot read"):
        gitstatus_from_repository(tmp_path)


def test_foreign_owner(repo, monkeypatch):
    # What git itself uses to test this.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(GitCommitCallbackError, match="safe.directory"):
        status(repo)


def test_git_missing(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitCommitCallbackError, match="cannot run git"):
        status(repo)


def test_variables_of_a_hook_do_not_mislead(repo, make_repo, monkeypatch):
    other = make_repo("other")
    other.commit(text="other\n")
    expected = status(repo)
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.path))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git/index"))
    assert status(repo) == expected


def test_signatures_and_colours_in_the_configuration(repo):
    expected = status(repo)
    for name, value in [("log.showSignature", "true"), ("color.ui", "always"), ("status.showUntrackedFiles", "no")]:
        repo.git("config", name, value)
    repo.write("new", "")
    assert (status(repo).commit_date, status(repo).num_untracked_files) == (expected.commit_date, 1)


def test_nothing_is_written(repo):
    def files():
        return {str(p): p.stat().st_mtime_ns for p in (repo.path / ".git").rglob("*") if p.is_file()}

    os.utime(str(repo.path / "train.py"))
    before = files()
    assert status(repo).dirty is False
    assert files() == before


# ---------------------------------------------------------------- the tree of the code


def rebuilt(repo):
    """The same tree made by git: the index of HEAD without models, written."""
    env = dict(os.environ, GIT_INDEX_FILE=str(repo.path / ".git" / "test-index"))

    def git(*args, **options):
        done = subprocess.run(["git", *args], cwd=str(repo.path), env=env, stdout=subprocess.PIPE, **options)
        assert done.returncode == 0
        return done.stdout

    git("read-tree", "HEAD")
    names = [name for name in git("ls-files", "-z").split(b"\0") if name]
    for name in names:
        attribute = git("check-attr", "-z", "filter", "--", os.fsdecode(name)).split(b"\0")[2]
        if attribute == b"theta" or name.startswith(b".git_theta/"):
            git("update-index", "--force-remove", "--", os.fsdecode(name))
    return git("write-tree").decode().strip()


def test_without_models_it_is_the_tree(repo):
    # git sorts "a-b", "a.py", "a/", "a0" by the slash of the folder.
    for name in ["a-b", "a.py", "a/b", "a/c/d", "a0", "z/y/x"]:
        repo.write(name, name)
    repo.commit()
    assert _read_state(repo.path).code_tree == repo.git("rev-parse", "HEAD^{tree}")


@pytest.mark.parametrize("format", ["sha1", "sha256"])
def test_models_are_left_out(make_repo, format):
    repo = make_repo("models", f"--object-format={format}")
    repo.write(".gitattributes", "*.pt filter=theta\n*.bin filter=lfs\nall/** filter=theta\n")
    for name in ["train.py", "model.pt", "sub/model.pt", "sub/x.py", "only/deep/model.pt", "all/a", "w.bin"]:
        repo.write(name, name)
    for name in [".git_theta/objects/x", "sub/.git_theta/kept"]:
        repo.write(name, name)
    repo.commit()
    code_tree = _read_state(repo.path).code_tree
    assert code_tree == rebuilt(repo) != repo.git("rev-parse", "HEAD^{tree}")
    paths = repo.git("ls-tree", "-r", "--name-only", code_tree).split("\n")
    assert paths == [".gitattributes", "sub/.git_theta/kept", "sub/x.py", "train.py", "w.bin"]


def test_only_models_give_the_empty_tree(make_repo):
    repo = make_repo()
    (repo.path / ".git" / "info").mkdir(exist_ok=True)
    repo.write(".git/info/attributes", "*.pt filter=theta\n")
    repo.commit("model.pt")
    assert _read_state(repo.path).code_tree == "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


def test_submodules_and_links_stay(repo, make_repo):
    inner = make_repo("inner")
    inner.commit("lib.py")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.path), "lib")
    if os.name == "posix":
        os.symlink("train.py", str(repo.path / "link.py"))
    repo.commit("model.py")
    assert _read_state(repo.path).code_tree == repo.git("rev-parse", "HEAD^{tree}")


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no text need Linux")
def test_names_that_are_no_text(repo):
    for name in [b"\xff.py", b"line\nbreak.py", b"tab\t.py"]:
        with open(os.path.join(os.fsencode(str(repo.path)), name), "wb"):
            pass
    repo.commit()
    assert _read_state(repo.path).code_tree == repo.git("rev-parse", "HEAD^{tree}")


def test_deep_folders(repo):
    # Deeper than Python recurses, made in the index since not every file system takes such a path.
    blob = repo.git("rev-parse", "HEAD:train.py")
    repo.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{'a/' * 1500}x")
    repo.git("commit", "-qm", "deep")
    assert _read_state(repo.path).code_tree == repo.git("rev-parse", "HEAD^{tree}")


def test_models_are_no_code_changes(make_repo):
    repo = make_repo()
    repo.write(".gitattributes", "*.pt filter=theta\n")
    repo.write("model.pt", "1")
    repo.write(".git_theta/a", "1")
    repo.commit()
    before = _read_state(repo.path)
    repo.write("model.pt", "2")
    repo.write(".git_theta/a", "2")
    repo.write("new.pt", "3")
    dirty = _read_state(repo.path)
    assert (dirty.status.dirty, dirty.code_changes, dirty.untracked_code) == (True, (), ())
    assert dirty.status.num_untracked_files == 1
    repo.git("add", "-A")
    repo.git("commit", "-qm", "new models")
    after = _read_state(repo.path)
    assert after.code_tree == before.code_tree
    assert after.status.commit_hash != before.status.commit_hash
