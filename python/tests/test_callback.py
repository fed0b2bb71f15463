"""The callback in a stand-in of Lightning's protocol."""

import json
import os
import pickle
import pickletools
import warnings

import pytest
from lightning_stand_in import GENERATIONS, Trainer

import git_theta_callback
from git_theta_callback import (
    STAMP_KEY,
    GitCommitCallback,
    GitCommitCallbackError,
    GitCommitCallbackWarning,
)

SIX = ["empty", "dirty", "num_untracked_files", "commit_hash", "commit_date", "branch_name"]
MODES = ["strict", "relaxed"]
generations = pytest.mark.parametrize("generation", GENERATIONS)
modes = pytest.mark.parametrize("mode", MODES)


def complains(mode, match):
    if mode == "strict":
        return pytest.raises(GitCommitCallbackError, match=match)
    return pytest.warns(GitCommitCallbackWarning, match=match)


@pytest.fixture(autouse=True)
def unexpected_warnings_fail():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def saved(repo, tmp_path):
    """A checkpoint of a strict fit of the present code."""

    def save(generation="2.5", **options):
        trainer = Trainer(GitCommitCallback(repo.path, "strict", **options), generation)
        trainer.run("fit")
        trainer.save(tmp_path / "x.ckpt")
        return tmp_path / "x.ckpt"

    return save


# ---------------------------------------------------------------- the gate


@generations
def test_clean_fit_writes_the_six_fields(repo, tmp_path, generation):
    trainer = Trainer(GitCommitCallback(repo.path, "strict"), generation, str(tmp_path / "logs" / "v0"))
    trainer.run("fit")
    text = (tmp_path / "logs" / "v0" / "git_info.json").read_text()
    assert list(json.loads(text)) == SIX
    assert json.loads(text)["commit_hash"] == repo.git("rev-parse", "HEAD")
    assert text == json.dumps(json.loads(text), indent=2)
    assert os.listdir(str(tmp_path / "logs" / "v0")) == ["git_info.json"]


def test_only_rank_zero_writes_but_all_ask_for_the_folder(repo, tmp_path):
    trainer = Trainer(GitCommitCallback(repo.path), log_dir=str(tmp_path / "logs"), rank=1)
    trainer.run("fit")
    assert trainer.asked_for_log_dir == 1
    assert not (tmp_path / "logs").exists()


def test_a_disabled_or_refusing_rank_asks_for_the_folder_too(repo, tmp_path):
    (tmp_path / "plain").mkdir()
    with pytest.warns(GitCommitCallbackWarning):
        trainer = Trainer(GitCommitCallback(tmp_path / "plain"))
    trainer.run("fit")
    assert trainer.asked_for_log_dir == 1
    trainer = Trainer(GitCommitCallback(repo.path, "strict"))
    repo.write("train.py", "changed\n")
    with pytest.raises(GitCommitCallbackError):
        trainer.run("fit")
    assert trainer.asked_for_log_dir == 1


@modes
def test_uncommitted_code(repo, tmp_path, mode):
    # Changed after construction: the original did not see that.
    trainer = Trainer(GitCommitCallback(repo.path, mode), log_dir=str(tmp_path / "logs"))
    repo.write("train.py", "changed\n")
    with complains(mode, r"not in a clean state: train\.py"):
        trainer.run("fit")
    assert (tmp_path / "logs").exists() is (mode == "relaxed")


@modes
def test_no_commit_yet(make_repo, mode):
    trainer = Trainer(GitCommitCallback(make_repo().path, mode))
    with complains(mode, "no commit yet"):
        trainer.run("fit")


def test_a_changed_model_is_no_uncommitted_code(repo):
    repo.write(".gitattributes", "*.pt filter=theta\n")
    repo.commit("model.pt", "1")
    repo.write("model.pt", "2")
    repo.write(".git_theta/x", "2")
    callback = GitCommitCallback(repo.path, "strict", untracked="fail")
    Trainer(callback).run("fit")
    assert callback.git_status.dirty is True
    assert callback.git_status.num_untracked_files == 1


@modes
def test_untracked_policy(repo, mode):
    repo.write("helper.py", "")
    Trainer(GitCommitCallback(repo.path, mode)).run("fit")
    Trainer(GitCommitCallback(repo.path, mode, untracked="fail", untracked_ignore=["help*"])).run("fit")
    with complains(mode, r"Untracked files: helper\.py"):
        Trainer(GitCommitCallback(repo.path, mode, untracked="fail")).run("fit")
    with pytest.warns(GitCommitCallbackWarning, match=r"Untracked files: helper\.py"):
        Trainer(GitCommitCallback(repo.path, mode, untracked="warn")).run("fit")


def test_overlooked_changes_are_told(repo):
    repo.git("update-index", "--skip-worktree", "train.py")
    with pytest.warns(GitCommitCallbackWarning, match=r"overlook changes of train\.py"):
        Trainer(GitCommitCallback(repo.path, "strict")).run("fit")


def test_detached_head(repo):
    repo.git("checkout", "-q", "--detach")
    callback = GitCommitCallback(repo.path, "strict")
    Trainer(callback).run("fit")
    assert callback.state_dict()["branch_name"] is None


@pytest.mark.skipif(os.name == "nt", reason="Windows allows no such names")
def test_names_do_not_steer_the_terminal(repo):
    callback = GitCommitCallback(repo.path, "strict", untracked="fail")
    repo.write("\x1b[2J", "")
    with pytest.raises(GitCommitCallbackError) as caught:
        Trainer(callback).run("fit")
    assert "\x1b" not in str(caught.value) and r"\x1b[2J" in str(caught.value)


@modes
def test_log_folder_that_cannot_be_written(repo, tmp_path, mode):
    (tmp_path / "file").write_text("")
    trainer = Trainer(GitCommitCallback(repo.path, mode), log_dir=str(tmp_path / "file" / "logs"))
    with complains(mode, "cannot write git_info.json"):
        trainer.run("fit")


# ---------------------------------------------------------------- disabled


@modes
def test_outside_a_repository(tmp_path, mode):
    (tmp_path / "plain").mkdir()
    with complains(mode, "is disabled: .* is not in a git repository"):
        callback = GitCommitCallback(tmp_path / "plain", mode)
    if mode == "relaxed":
        trainer = Trainer(callback, log_dir=str(tmp_path / "logs"))
        trainer.run("fit")
        checkpoint = trainer.save(tmp_path / "x.ckpt")
        assert callback.disabled and callback.git_status is None
        assert (checkpoint["callbacks"], STAMP_KEY in checkpoint) == ({}, False)
        assert not (tmp_path / "logs").exists()
        trainer.run("fit", tmp_path / "x.ckpt")


@modes
def test_bare_and_foreign_repositories(make_repo, repo, monkeypatch, mode):
    with complains(mode, "is disabled: .* is bare"):
        GitCommitCallback(make_repo("bare", "--bare").path, mode)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with complains(mode, "is disabled: .*safe.directory"):
        GitCommitCallback(repo.path, mode)


@pytest.mark.parametrize(
    "options", [{"mode": "lax"}, {"match": "tree"}, {"untracked": "yes"}, {"untracked_ignore": "*.py"}]
)
def test_arguments(repo, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        GitCommitCallback(repo.path, **options)


def test_a_relative_folder_stays_the_same_one(repo, tmp_path, monkeypatch):
    monkeypatch.chdir(repo.path)
    callback = GitCommitCallback(mode="strict")
    monkeypatch.chdir(tmp_path)
    Trainer(callback).run("fit")


# ---------------------------------------------------------------- saving


@generations
def test_state_has_exactly_the_six_fields(repo, tmp_path, generation):
    callback = GitCommitCallback(repo.path)
    trainer = Trainer(callback, generation)
    trainer.run("fit")
    checkpoint = trainer.save(tmp_path / "x.ckpt")
    assert callback.state_key == "GitCommitCallback"
    assert list(checkpoint["callbacks"]) == ["GitCommitCallback"]
    assert list(checkpoint["callbacks"]["GitCommitCallback"]) == SIX


def test_stamp(repo, tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000001")
    trainer = Trainer(GitCommitCallback(repo.path))
    trainer.run("fit")
    stamp = trainer.save(tmp_path / "x.ckpt")[STAMP_KEY]
    head, tree = repo.git("rev-parse", "HEAD"), repo.git("rev-parse", "HEAD^{tree}")
    assert stamp["stamped_at"] == "2023-11-14T22:13:21Z"
    assert stamp["git"]["commit"] == stamp["compat"]["git_status"]["commit_hash"] == head
    assert (stamp["git"]["tree"], stamp["git"]["code_tree"]) == (tree, tree)
    assert stamp["git"]["code_dirty"] is False
    assert stamp["run"]["changed_during_run"] is False
    assert stamp["run"]["end_state"] == {"commit": head, "code_tree": tree, "code_dirty": False}


def test_stamp_is_what_torch_loads_safely(repo, tmp_path, monkeypatch):
    repo.git("update-index", "--assume-unchanged", "train.py")
    # A commit date over 31 bits.
    monkeypatch.setenv("GIT_COMMITTER_DATE", "@4000000000 +0000")
    repo.commit("late.py")
    trainer = Trainer(GitCommitCallback(repo.path))
    with pytest.warns(GitCommitCallbackWarning, match="overlook"):
        trainer.run("fit")
    stamp = trainer.save(tmp_path / "x.ckpt")[STAMP_KEY]
    assert stamp["git"]["commit_date"] == 4000000000
    names = {opcode.name for opcode, _, _ in pickletools.genops(pickle.dumps(stamp, protocol=2))}
    allowed = {"PROTO", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1"}
    allowed |= {"BINUNICODE", "EMPTY_DICT", "EMPTY_LIST", "SETITEM", "SETITEMS", "APPEND", "APPENDS", "BINGET"}
    assert names <= allowed | {"BINPUT", "LONG_BINGET", "LONG_BINPUT"}

    def check(value):
        assert type(value) in (dict, list, str, int, bool, type(None))
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            check(inner)

    check(stamp)


def test_no_callbacks_key_is_added(repo):
    callback = GitCommitCallback(repo.path)
    checkpoint = {"state_dict": {}}
    callback.on_save_checkpoint(Trainer(callback), None, checkpoint)
    assert sorted(checkpoint) == [STAMP_KEY, "state_dict"]


def edit(repo):
    repo.write("train.py", "edited\n")


def edit_again(repo):
    repo.write("train.py", "edited twice\n")


def commit(repo):
    repo.commit(text="edited\n")


@pytest.mark.parametrize("before, during", [(None, edit), (None, commit), (edit, edit_again)])
def test_changed_during_run(repo, tmp_path, before, during):
    trainer = Trainer(GitCommitCallback(repo.path))
    head = repo.git("rev-parse", "HEAD")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if before:
            before(repo)
        trainer.run("fit")
    during(repo)
    with pytest.warns(GitCommitCallbackWarning, match="changed during the run"):
        checkpoint = trainer.save(tmp_path / "x.ckpt")
    assert checkpoint[STAMP_KEY]["run"]["changed_during_run"] is True
    assert checkpoint[STAMP_KEY]["git"]["commit"] == head
    assert checkpoint["callbacks"]["GitCommitCallback"]["commit_hash"] == head
    # Said once, recorded always.
    assert trainer.save(tmp_path / "x.ckpt")[STAMP_KEY]["run"]["changed_during_run"] is True


@pytest.mark.parametrize("how", ["removed", "foreign"])
def test_git_trouble_does_not_lose_a_checkpoint(repo, tmp_path, monkeypatch, how):
    trainer = Trainer(GitCommitCallback(repo.path, "strict"))
    trainer.run("fit")
    if how == "removed":
        (repo.path / ".git").rename(tmp_path / "gone")
    else:
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.warns(GitCommitCallbackWarning, match="lacks the state at saving"):
        stamp = trainer.save(tmp_path / "x.ckpt")[STAMP_KEY]
    assert (stamp["run"]["end_state"], stamp["run"]["changed_during_run"]) == (None, None)
    assert len(stamp["git"]["commit"]) == 40


def test_callback_can_be_sent_to_another_process(repo):
    callback = pickle.loads(pickle.dumps(GitCommitCallback(repo.path, "strict")))
    Trainer(callback).run("fit")


# ---------------------------------------------------------------- loading


@generations
@modes
@pytest.mark.parametrize("match", ["code", "commit"])
def test_same_commit(repo, saved, generation, mode, match):
    path = saved(generation)
    Trainer(GitCommitCallback(repo.path, mode, match=match), generation).run("fit", path)


@generations
@modes
def test_other_code(repo, saved, generation, mode):
    path = saved(generation)
    repo.commit(text="other\n")
    with complains(mode, r"mismatch \(code\)"):
        Trainer(GitCommitCallback(repo.path, mode), generation).run("fit", path)


@generations
def test_a_mismatch_is_told_once(repo, saved, generation):
    path = saved(generation)
    repo.commit(text="other\n")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        Trainer(GitCommitCallback(repo.path), generation).run("fit", path)
    assert len(told) == 1


@generations
def test_a_new_model_is_no_other_code(repo, saved, generation):
    repo.write(".gitattributes", "*.pt filter=theta\n")
    repo.commit("model.pt", "1")
    path = saved(generation)
    repo.commit("model.pt", "2")
    Trainer(GitCommitCallback(repo.path, "strict"), generation).run("fit", path)
    with pytest.raises(GitCommitCallbackError, match=r"mismatch \(commit\)"):
        Trainer(GitCommitCallback(repo.path, "strict", match="commit"), generation).run("fit", path)


@generations
def test_branch_date_and_counts_do_not_matter(repo, saved, monkeypatch, generation):
    path = saved(generation)
    repo.git("checkout", "-qb", "other")
    repo.write("lightning_logs/x", "")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1800000000 +0000")
    Trainer(GitCommitCallback(repo.path, "strict", match="commit"), generation).run("fit", path)
    repo.git("commit", "-q", "--amend", "--no-edit")
    Trainer(GitCommitCallback(repo.path, "strict"), generation).run("fit", path)


@pytest.mark.parametrize("function", ["validate", "test", "predict"])
@modes
def test_other_functions(repo, saved, function, mode):
    path = saved()
    Trainer(GitCommitCallback(repo.path, mode)).run(function, path)
    repo.write("train.py", "edited\n")
    with complains(mode, "present code has uncommitted changes"):
        Trainer(GitCommitCallback(repo.path, mode)).run(function, path)
    repo.commit(text="other\n")
    with complains(mode, "mismatch"):
        Trainer(GitCommitCallback(repo.path, mode)).run(function, path)


@generations
@modes
def test_made_from_uncommitted_code(repo, tmp_path, generation, mode):
    repo.write("train.py", "edited\n")
    trainer = Trainer(GitCommitCallback(repo.path), generation)
    with pytest.warns(GitCommitCallbackWarning):
        trainer.run("fit")
    trainer.save(tmp_path / "x.ckpt")
    repo.git("checkout", "-q", ".")
    with complains(mode, "made from code with uncommitted changes"):
        Trainer(GitCommitCallback(repo.path, mode), generation).run("fit", tmp_path / "x.ckpt")


@modes
def test_no_stamp(repo, tmp_path, mode):
    path = tmp_path / "x.ckpt"
    path.write_bytes(pickle.dumps({"callbacks": {"Other": {"a": 1}}, "state_dict": {}}))
    with complains(mode, "does not contain git status"):
        Trainer(GitCommitCallback(repo.path, mode)).run("fit", path)


def rewrite(path, change):
    checkpoint = pickle.loads(path.read_bytes())
    change(checkpoint)
    path.write_bytes(pickle.dumps(checkpoint))


@generations
def test_six_fields_alone_are_compared_by_commit(repo, saved, generation):
    path = saved(generation)
    rewrite(path, lambda checkpoint: checkpoint.pop(STAMP_KEY))
    Trainer(GitCommitCallback(repo.path, "strict"), generation).run("fit", path)
    repo.git("commit", "-q", "--allow-empty", "-m", "empty")
    with pytest.raises(GitCommitCallbackError, match=r"mismatch \(commit\)"):
        Trainer(GitCommitCallback(repo.path, "strict"), generation).run("fit", path)


def test_stamp_alone(repo, saved):
    path = saved()
    rewrite(path, lambda checkpoint: checkpoint["callbacks"].clear())
    Trainer(GitCommitCallback(repo.path, "strict")).run("fit", path)
    repo.commit(text="other\n")
    with pytest.raises(GitCommitCallbackError, match="mismatch"):
        Trainer(GitCommitCallback(repo.path, "strict")).run("fit", path)


@generations
def test_extra_and_missing_keys_are_reported(repo, saved, generation):
    path = saved(generation)

    def change(checkpoint):
        state = checkpoint["callbacks"]["GitCommitCallback"]
        del state["branch_name"]
        state.update(seventh=1, commit_date="yesterday")

    rewrite(path, change)
    with pytest.warns(GitCommitCallbackWarning, match="branch_name is missing") as told:
        Trainer(GitCommitCallback(repo.path, "strict"), generation).run("fit", path)
    assert "commit_date is not int" in str(told[0].message) and "1 unknown: seventh" in str(told[0].message)


@pytest.mark.parametrize("stamp", [None, "text", [], {"git": 1}, {"git": {"commit": 5, "code_tree": []}}])
def test_nonsense_for_a_stamp(repo, saved, stamp):
    path = saved()
    rewrite(path, lambda checkpoint: checkpoint.update({STAMP_KEY: stamp}))
    Trainer(GitCommitCallback(repo.path, "strict")).run("fit", path)


@modes
def test_made_before_the_first_commit(make_repo, tmp_path, mode):
    repo = make_repo()
    trainer = Trainer(GitCommitCallback(repo.path))
    with pytest.warns(GitCommitCallbackWarning):
        trainer.run("fit")
    trainer.save(tmp_path / "x.ckpt")
    repo.commit()
    with complains(mode, "before the first commit"):
        Trainer(GitCommitCallback(repo.path, mode)).run("fit", tmp_path / "x.ckpt")


def test_a_state_that_comes_without_its_checkpoint(repo):
    state = GitCommitCallback(repo.path).state_dict()
    GitCommitCallback(repo.path, "strict").load_state_dict(state)
    repo.commit(text="other\n")
    with pytest.raises(GitCommitCallbackError, match="mismatch"):
        GitCommitCallback(repo.path, "strict").load_state_dict(state)


def test_snippet_of_the_original(repo):
    from plgitcallback import GitCommitCallback as original

    assert original is GitCommitCallback
    import plgitcallback

    # The original had nothing for another trainer.
    assert {*plgitcallback.__all__, "GitCommitTrainerCallback"} == {*git_theta_callback.__all__}
    assert all(getattr(plgitcallback, name) is getattr(git_theta_callback, name) for name in plgitcallback.__all__)
