"""The six fields in checkpoints and log files, also those that the original wrote."""

import io
import json
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest

from git_theta_callback import (
    GitCommitCallback,
    GitStatus,
    gitstatus_from_json,
    gitstatus_from_lightning_checkpoint,
)

FIXTURES = Path(__file__).resolve().parents[2] / "__test__" / "fixtures" / "lightning"
SIX = {
    "empty": False,
    "dirty": False,
    "num_untracked_files": 0,
    "commit_hash": "0123456789abcdef0123456789abcdef01234567",
    "commit_date": 1627294576,
    "branch_name": "main",
}


def load(path):
    """The checkpoint's structure with a stand-in for every class and tensor: nothing of it runs."""

    class Safe(pickle.Unpickler):
        def find_class(self, module, name):
            if (module, name) == ("collections", "OrderedDict"):
                return OrderedDict
            return type(name, (), {"__module__": module, "__init__": lambda self, *args: None})

        def persistent_load(self, pid):
            return None

    with zipfile.ZipFile(str(path)) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        return Safe(io.BytesIO(archive.read(name))).load()


@pytest.mark.parametrize("version", ["1.4.9", "1.5.10", "1.6.5", "1.7.7"])
def test_files_of_the_original_callback(version):
    status = gitstatus_from_lightning_checkpoint(load(FIXTURES / f"original_callback_lightning_{version}.ckpt"))
    assert (status.empty, status.dirty, status.num_untracked_files) == (False, False, 0)
    assert len(status.commit_hash) == 40 and isinstance(status.commit_date, int) and status.branch_name


@pytest.mark.parametrize("name", ["stamped_class_key", "stamped_string_key"])
def test_made_fixtures(name):
    assert gitstatus_from_lightning_checkpoint(load(FIXTURES / f"{name}.ckpt")) == GitStatus(**SIX)


@pytest.mark.parametrize("name", ["unstamped", "weights_only"])
def test_without_a_stamp(name):
    assert gitstatus_from_lightning_checkpoint(load(FIXTURES / f"{name}.ckpt")) is None


class Other:
    class GitCommitCallback:
        pass


@pytest.mark.parametrize(
    "key",
    [
        "GitCommitCallback",
        "plgitcallback.GitCommitCallback",
        "plgitcallback GitCommitCallback",
        "GitCommitCallback{'git_dir': '.'}",
        GitCommitCallback,
        Other.GitCommitCallback,
        "SomethingElse",
        Other,
    ],
)
def test_keys(key):
    checkpoint = {"callbacks": {"ModelCheckpoint": {"best": 1}, key: dict(SIX)}}
    assert gitstatus_from_lightning_checkpoint(checkpoint) == GitStatus(**SIX)


@pytest.mark.parametrize("key", ["NotGitCommitCallback", "GitCommitCallbackError", "Other", 5, None])
def test_other_keys_need_all_six_fields(key):
    fewer = {name: value for name, value in SIX.items() if name != "empty"}
    assert gitstatus_from_lightning_checkpoint({"callbacks": {key: fewer}}) is None


def test_named_key_may_lack_fields_and_have_others():
    checkpoint = {"callbacks": {"GitCommitCallback": {"commit_hash": "a" * 40, "dirty": 1, "seventh": True}}}
    assert gitstatus_from_lightning_checkpoint(checkpoint) == GitStatus(commit_hash="a" * 40)


def test_stamp_of_a_weights_only_file():
    checkpoint = {"state_dict": {}, "git_theta_provenance": {"compat": {"git_status": SIX}}}
    assert gitstatus_from_lightning_checkpoint(checkpoint) == GitStatus(**SIX)


@pytest.mark.parametrize("checkpoint", [{}, {"callbacks": None}, {"callbacks": []}, {"git_theta_provenance": 1}, None])
def test_nonsense(checkpoint):
    assert gitstatus_from_lightning_checkpoint(checkpoint) is None


def test_json():
    with open(str(FIXTURES / "git_info.json")) as file:
        assert gitstatus_from_json(file) == GitStatus(**SIX)
    assert gitstatus_from_json(io.StringIO("{}")) == GitStatus()


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"seventh": 1}', "[" * 100000])
def test_json_of_something_else(text):
    assert gitstatus_from_json(io.StringIO(text)) is None


def test_json_that_is_no_text():
    assert gitstatus_from_json(io.BytesIO(b"\xff\xfe\xff")) is None


@pytest.mark.parametrize("date, words", [(0, "Thu Jan  1 00:00:00 1970"), (None, "unknown"), (10**30, str(10**30))])
def test_commit_info(date, words):
    status = GitStatus(commit_hash="abc", commit_date=date)
    assert status.commit_info() == f"git(commit=abc, commit_date={words})"


def test_fields_of_a_status_are_what_the_original_takes():
    assert json.loads(json.dumps(SIX)) == GitStatus(**SIX).__dict__
