"""The module name of pl-git-callback, so that scripts written for it run unchanged."""

from git_theta_callback import (
    GitCommitCallback,
    GitCommitCallbackError,
    GitCommitCallbackWarning,
    GitStatus,
    gitstatus_from_json,
    gitstatus_from_lightning_checkpoint,
    gitstatus_from_repository,
)

__all__ = [
    "GitCommitCallback",
    "GitCommitCallbackError",
    "GitCommitCallbackWarning",
    "GitStatus",
    "gitstatus_from_json",
    "gitstatus_from_lightning_checkpoint",
    "gitstatus_from_repository",
]
