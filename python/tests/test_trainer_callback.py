"""The callback for transformers' Trainer, called as the Trainer calls callbacks."""

import json
import warnings
from types import SimpleNamespace

import pytest

from git_theta_callback import (
    SCHEMA,
    GitCommitCallbackError,
    GitCommitCallbackWarning,
    GitCommitTrainerCallback,
    gitstatus_from_json,
    gitstatus_from_repository,
)

EVENTS = ["on_init_end", "on_train_begin", "on_epoch_begin", "on_step_begin", "on_step_end", "on_save", "on_log"]


class Trainer:
    """A training of two steps that saves after each: every event goes to every callback, whatever it has."""

    def __init__(self, callback, output_dir, rank=0):
        self.callback = callback
        self.args = SimpleNamespace(output_dir=str(output_dir), resume_from_checkpoint=None)
        self.state = SimpleNamespace(global_step=0, is_world_process_zero=rank == 0)

    def event(self, name):
        assert getattr(self.callback, name)(self.args, self.state, object(), model=None, optimizer=None) is None

    def train(self, files=("model.safetensors", "optimizer.pt"), step=0):
        self.state.global_step = step
        for name in ("on_init_end", "on_train_begin", "on_epoch_begin"):
            self.event(name)
        for _ in range(2):
            for name in ("on_step_begin", "on_step_end"):
                self.event(name)
            self.state.global_step += 1
            self.save(files)
        self.event("on_train_end")

    def save(self, files):
        folder = self.folder()
        folder.mkdir(parents=True, exist_ok=True)
        for name in files:
            (folder / name).write_bytes(b"weights")
        self.event("on_save")

    def folder(self):
        from pathlib import Path

        return Path(self.args.output_dir) / f"checkpoint-{self.state.global_step}"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def sidecars(folder):
    return sorted(path.name for path in folder.glob("*.provenance.json"))


def test_a_training_from_committed_code(repo, out):
    trainer = Trainer(GitCommitTrainerCallback(repo.path, "strict"), out)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer.train()
    with (out / "git_info.json").open() as file:
        assert gitstatus_from_json(file) == gitstatus_from_repository(repo.path)
    for step in (1, 2):
        folder = out / f"checkpoint-{step}"
        # Of the weights alone, and nothing else is left there.
        assert sidecars(folder) == ["model.safetensors.provenance.json"]
        assert len(list(folder.iterdir())) == 3
        stamp = json.loads((folder / "model.safetensors.provenance.json").read_text())
        assert stamp["schema"] == SCHEMA
        assert stamp["git"]["commit"] == repo.git("rev-parse", "HEAD")
        assert stamp["run"]["changed_during_run"] is False


def test_every_file_of_weights_has_a_stamp(repo, out):
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "adapter_model.bin"]
    trainer = Trainer(GitCommitTrainerCallback(repo.path), out)
    trainer.train([*names, "model.safetensors.index.json", "rng_state.pth"])
    assert sidecars(trainer.folder()) == sorted(f"{name}.provenance.json" for name in names)


def test_uncommitted_code(repo, out):
    repo.write("train.py", "changed\n")
    with pytest.raises(GitCommitCallbackError, match="not in a clean state"):
        Trainer(GitCommitTrainerCallback(repo.path, "strict"), out).train()
    assert not out.exists()
    with pytest.warns(GitCommitCallbackWarning, match="not in a clean state"):
        Trainer(GitCommitTrainerCallback(repo.path), out).train()
    stamp = json.loads((out / "checkpoint-2/model.safetensors.provenance.json").read_text())
    assert stamp["git"]["code_dirty"] is True


def test_other_ranks_write_nothing(repo, out):
    Trainer(GitCommitTrainerCallback(repo.path, "strict"), out, rank=1).train()
    assert [path.name for path in out.rglob("*.json")] == []


@pytest.mark.parametrize("named", [True, False], ids=["named among the arguments", "found by its step"])
def test_a_training_that_is_resumed(repo, out, named):
    def resume():
        trainer = Trainer(GitCommitTrainerCallback(repo.path, "strict"), out)
        if named:
            trainer.args.resume_from_checkpoint = str(out / "checkpoint-2")
        trainer.train(step=2)

    Trainer(GitCommitTrainerCallback(repo.path, "strict"), out).train()
    resume()
    repo.commit(text="other\n")
    with pytest.raises(GitCommitCallbackError, match="mismatch"):
        resume()
    sidecar = out / "checkpoint-2/model.safetensors.provenance.json"
    for damaged in ("no JSON", "[1]", "[" * 100_000):
        sidecar.write_text(damaged)
        with pytest.raises(GitCommitCallbackError, match="does not contain git status"):
            resume()


def test_a_folder_that_is_not_there_is_nothing_to_compare(repo, out):
    Trainer(GitCommitTrainerCallback(repo.path, "strict"), out).train(step=7)


def test_no_repository(tmp_path, out):
    with pytest.warns(GitCommitCallbackWarning, match="disabled"):
        callback = GitCommitTrainerCallback(tmp_path)
    Trainer(callback, out).train()
    assert sidecars(out / "checkpoint-1") == []


def test_only_events_are_answered(repo):
    callback = GitCommitTrainerCallback(repo.path)
    assert all(callable(getattr(callback, name)) for name in EVENTS)
    with pytest.raises(AttributeError, match="no attribute 'state_key'"):
        callback.state_key  # noqa: B018
