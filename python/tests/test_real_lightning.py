"""The callback in the Lightning that is installed: fit, save, resume, validate, test and predict."""

import importlib
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import git_theta_callback
from git_theta_callback import (
    STAMP_KEY,
    GitCommitCallback,
    GitCommitCallbackError,
    gitstatus_from_lightning_checkpoint,
)


def installed(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


torch = installed("torch")
lightnings = [found for found in map(installed, ("lightning.pytorch", "pytorch_lightning")) if torch and found]
if not lightnings:
    pytest.skip("no Lightning can be imported here; pip install lightning", allow_module_level=True)
pytestmark = [
    pytest.mark.lightning,
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(params=lightnings, ids=lambda pl: pl.__name__)
def pl(request):
    return request.param


def version(pl):
    return tuple(int(part) for part in pl.__version__.split(".")[:2])


@pytest.fixture
def make(pl, repo, tmp_path):
    """A trainer with the callback, a model and its data."""

    class Model(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 1)

        def training_step(self, batch, _):
            return self.layer(batch[0]).sum()

        def validation_step(self, batch, _):
            self.log("val", self.layer(batch[0]).sum())

        test_step = validation_step

        def predict_step(self, batch, *_):
            return self.layer(batch[0])

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.randn(8, 4)), batch_size=4)

    def make(mode="strict", epochs=1, callback=None, **options):
        trainer = pl.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            devices=1,
            enable_progress_bar=False,
            enable_model_summary=False,
            # In the repository, as by default: its files are untracked.
            default_root_dir=str(repo.path),
            callbacks=callback or [GitCommitCallback(repo.path, mode, **options)],
        )
        return trainer, Model(), data

    return make


@pytest.fixture
def fitted(make, tmp_path):
    trainer, model, data = make()
    trainer.fit(model, data)
    trainer.save_checkpoint(str(tmp_path / "x.ckpt"))
    return trainer, str(tmp_path / "x.ckpt")


def read(path):
    # The default of torch 2.6 and newer; older ones refuse what Lightning itself writes.
    safe = tuple(int(part) for part in torch.__version__.split(".")[:2]) >= (2, 6)
    return torch.load(path, weights_only=True) if safe else torch.load(path)


def test_fit_and_save(fitted, repo):
    trainer, path = fitted
    head = repo.git("rev-parse", "HEAD")
    with open(f"{trainer.log_dir}/git_info.json") as file:
        assert json.load(file)["commit_hash"] == head
    checkpoint = read(path)
    assert len(checkpoint["callbacks"]["GitCommitCallback"]) == 6
    assert gitstatus_from_lightning_checkpoint(checkpoint).commit_hash == head
    assert checkpoint[STAMP_KEY]["git"]["commit"] == head
    assert checkpoint[STAMP_KEY]["run"]["changed_during_run"] is False


def test_weights_only_save_stays_as_it_is(fitted, tmp_path):
    trainer, _ = fitted
    trainer.save_checkpoint(str(tmp_path / "w.ckpt"), weights_only=True)
    checkpoint = read(str(tmp_path / "w.ckpt"))
    assert "callbacks" not in checkpoint and STAMP_KEY not in checkpoint


def test_it_is_a_callback_of_the_lightning_imported_before_it(pl):
    code = f"import {pl.__name__} as pl; from plgitcallback import GitCommitCallback as ours\n"
    code += "assert issubclass(ours, pl.Callback); pl.Trainer(callbacks=ours('.'), logger=False)"
    source = Path(git_theta_callback.__file__).parent
    environment = dict(os.environ, PYTHONPATH=str(source))
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, cwd=str(source), env=environment)


def test_uncommitted_code(make, repo):
    repo.write("train.py", "edited\n")
    trainer, model, data = make()
    with pytest.raises(GitCommitCallbackError, match="not in a clean state"):
        trainer.fit(model, data)


def test_resume(make, fitted, repo):
    trainer, model, data = make(epochs=2)
    trainer.fit(model, data, ckpt_path=fitted[1])
    assert trainer.current_epoch >= 1


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
def test_resume_with_other_code(make, fitted, repo, mode):
    repo.commit(text="other\n")
    trainer, model, data = make(mode, epochs=2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if mode == "strict":
            with pytest.raises(GitCommitCallbackError, match=r"mismatch \(code\)"):
                trainer.fit(model, data, ckpt_path=fitted[1])
        else:
            trainer.fit(model, data, ckpt_path=fitted[1])
    assert sum("mismatch (code)" in str(warning.message) for warning in told) == (mode == "relaxed")


def test_resume_with_a_new_model(make, fitted, repo, tmp_path):
    repo.write(".gitattributes", "*.pt filter=theta\n")
    repo.write(".gitignore", "lightning_logs/\ncheckpoints/\ngit_info.json\n")
    repo.commit("model.pt", "1")
    trainer, model, data = make()
    trainer.fit(model, data)
    trainer.save_checkpoint(str(tmp_path / "y.ckpt"))
    repo.commit("model.pt", "2")
    trainer, model, data = make(epochs=2)
    trainer.fit(model, data, ckpt_path=str(tmp_path / "y.ckpt"))
    trainer, model, data = make(epochs=2, match="commit")
    with pytest.raises(GitCommitCallbackError, match=r"mismatch \(commit\)"):
        trainer.fit(model, data, ckpt_path=str(tmp_path / "y.ckpt"))


@pytest.mark.parametrize("function", ["validate", "test", "predict"])
def test_other_functions(make, fitted, repo, pl, function):
    trainer, model, data = make()
    getattr(trainer, function)(model, data, ckpt_path=fitted[1])
    repo.commit(text="other\n")
    trainer, model, data = make()
    if version(pl) < (2, 5):
        # These do not tell callbacks which checkpoint they load.
        getattr(trainer, function)(model, data, ckpt_path=fitted[1])
        return
    with pytest.raises(GitCommitCallbackError, match="mismatch"):
        getattr(trainer, function)(model, data, ckpt_path=fitted[1])
