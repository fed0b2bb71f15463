"""Real git repositories to test in, apart from the settings of whoever runs the tests."""

import os
import subprocess
from pathlib import Path

import pytest


class Repo:
    """A repository in ``path``."""

    def __init__(self, path: Path, *init: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *init)

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=str(self.path), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def commit(self, name: str = "train.py", text: str = "print(1)\n") -> str:
        self.write(name, text)
        self.git("add", "-A")
        self.git("commit", "-qm", f"change {name}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def own_git(tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "tester")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "tester@example.invalid")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "tester")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "tester@example.invalid")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "1700000000 +0100")
    # A checkout around the folder of the tests is not found.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def make_repo(tmp_path):
    return lambda name="repo", *init: Repo(tmp_path / name, *init)


@pytest.fixture
def repo(make_repo):
    """One commit of ``train.py``."""
    made = make_repo()
    made.commit()
    return made
