"""The callback in the Trainer of the transformers that is installed: train, save, resume."""

import importlib
import json

import pytest

from git_theta_callback import GitCommitCallbackError, GitCommitTrainerCallback, gitstatus_from_repository


def installed(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


torch, transformers = installed("torch"), installed("transformers")
if not (torch and transformers and installed("accelerate")):
    pytest.skip("no Trainer can be imported here; pip install torch transformers accelerate", allow_module_level=True)
pytestmark = [pytest.mark.transformers, pytest.mark.filterwarnings("ignore")]


def model():
    config = transformers.BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    return transformers.BertForSequenceClassification(config)


def trainer(repo, out, callback=None):
    example = {"input_ids": torch.tensor([1, 2, 3]), "labels": torch.tensor(1)}
    arguments = transformers.TrainingArguments(
        output_dir=str(out),
        max_steps=4,
        save_steps=2,
        per_device_train_batch_size=1,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    callback = callback or GitCommitTrainerCallback(repo.path, "strict")
    return transformers.Trainer(model(), arguments, train_dataset=[example] * 4, callbacks=[callback])


def test_train_save_and_resume(repo, tmp_path):
    out = tmp_path / "out"
    trainer(repo, out).train()
    assert json.loads((out / "git_info.json").read_text())["commit_hash"] == repo.git("rev-parse", "HEAD")
    for step in (2, 4):
        weights = out / f"checkpoint-{step}" / "model.safetensors"
        assert weights.exists()
        stamp = json.loads(weights.with_name("model.safetensors.provenance.json").read_text())
        assert stamp["compat"]["git_status"] == vars(gitstatus_from_repository(repo.path))
    trainer(repo, out).train(resume_from_checkpoint=str(out / "checkpoint-2"))
    repo.commit(text="other\n")
    with pytest.raises(GitCommitCallbackError, match="mismatch"):
        trainer(repo, out).train(resume_from_checkpoint=str(out / "checkpoint-2"))


def test_uncommitted_code_is_not_trained(repo, tmp_path):
    repo.write("train.py", "changed\n")
    with pytest.raises(GitCommitCallbackError, match="not in a clean state"):
        trainer(repo, tmp_path / "out").train()
    assert not (tmp_path / "out" / "checkpoint-2").exists()
