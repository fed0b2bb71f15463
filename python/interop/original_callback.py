"""Shows checkpoints to the original callback: does its own load check accept them?

    python original_callback.py CHECKOUT REPOSITORY FILE...

CHECKOUT is a checkout of cheind/pl-git-callback, REPOSITORY the git repository that the files were made in,
at the commit and on the branch of then. Each checkpoint is loaded by torch and goes through Lightning's own
restoring of callbacks into the original callback, in strict mode: as it is (must pass), then in a clone one
commit further (must raise the mismatch). A log file ``.json`` goes through the original's reader and has to
say what the original finds in the repository, and not what it finds in the clone. Prints a line for each and
exits 1 unless all are as they must be. The repository is not changed.

    python original_callback.py --write NEW_REPOSITORY OUT

makes a repository of one commit and files in the folder OUT, which has to be outside of it, since the original
compares the number of untracked files: ``plain.ckpt``, a checkpoint of this Lightning without any callback;
``six_fields.ckpt``, the same with the six fields put in; and, on Lightning 1.6 or newer,
``python_callback.ckpt``, saved by Lightning with our callback attached. The original is not asked about
``plain.ckpt`` until the six fields are stamped into it: ``git theta provenance stamp --lightning-callback always``.

Needs Python 3.9, GitPython and pytorch-lightning 1.5 to 1.7 (1.5.10, 1.6.5 and 1.7.7 were tried):

    python3.9 -m venv v && v/bin/pip install 'pip<24.1' 'setuptools<60' wheel
    v/bin/pip install torch==1.12.1 'numpy<2' GitPython pytorch-lightning==1.7.7 'torchmetrics<0.11' 'protobuf<4' six
"""

import importlib
import logging
import subprocess
import sys
import tempfile
import warnings
from dataclasses import asdict
from pathlib import Path

import pytorch_lightning as pl
import torch

SOURCE = Path(__file__).resolve().parent.parent / "src"
IDENTITY = ["-c", "user.name=interop", "-c", "user.email=interop@example.invalid"]


class Model(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    # The checkpoint may be of any model: its weights are not what is checked.
    def load_state_dict(self, *args, **kwargs):
        return None

    def training_step(self, batch, _):
        return self.layer(batch[0]).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


def git(folder, *args):
    subprocess.run(["git", *IDENTITY, *args], cwd=str(folder), check=True, stdout=subprocess.DEVNULL)


def trainer(callbacks, folder, **options):
    return pl.Trainer(
        callbacks=callbacks,
        default_root_dir=str(folder),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


def data():
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(8, 4)), batch_size=4)


def original(checkout):
    """The original's module, and never ours of the same name."""
    sys.path.insert(0, str(checkout))
    module = importlib.import_module("plgitcallback")
    if Path(checkout).resolve() not in Path(module.__file__).resolve().parents:
        raise SystemExit(f"{module.__file__} is not in {checkout}")
    return module


def check(module, repository, checkpoint):
    """What the original does with the file: ``passes`` or what it raises."""
    callback = module.GitCommitCallback(git_dir=str(repository), mode="strict")
    calls = []
    plain = callback.on_load_checkpoint

    # Lightning skips the callback where it finds no state for it; that must not look like a pass.
    def counted(*args):
        calls.append(args)
        return plain(*args)

    callback.on_load_checkpoint = counted
    with tempfile.TemporaryDirectory() as folder:
        try:
            trainer([callback], folder, max_epochs=2).fit(Model(), data(), ckpt_path=str(checkpoint))
        except module.GitCommitCallbackError as error:
            return f"raises GitCommitCallbackError: {str(error).split(' between')[0]}" if calls else f"refuses: {error}"
        except Exception as error:  # whatever it is, it is not acceptance
            # What comes after the check, such as the optimizer of another model, is not judged.
            if calls and not _within(error, "on_load_checkpoint"):
                return "passes"
            return f"raises {type(error).__name__}: {error}"
    return "passes" if calls else "is not asked"


def read_log(module, repository, log):
    """What the original makes of a log file, in the words of ``check``."""
    with open(log) as file:
        status = module.gitstatus_from_json(file)
    if status is None:
        return "reads nothing"
    return "passes" if status == module.gitstatus_from_repository(str(repository)) else "Git status mismatch"


def _within(error, function):
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_name == function:
            return True
        frame = frame.tb_next
    return False


def write(repository, out):
    repository.mkdir(parents=True)
    out.mkdir(parents=True, exist_ok=True)
    git(repository, "init", "-q", "-b", "main")
    (repository / "train.py").write_text("print(1)\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-qm", "first")
    sys.path.insert(0, str(SOURCE))
    ours = importlib.import_module("git_theta_callback")
    with tempfile.TemporaryDirectory() as folder:
        plain = trainer([], folder, max_epochs=1)
        plain.fit(Model(), data())
        plain.save_checkpoint(str(out / "plain.ckpt"))
        checkpoint = torch.load(str(out / "plain.ckpt"))
        checkpoint["callbacks"]["GitCommitCallback"] = asdict(ours.gitstatus_from_repository(repository))
        torch.save(checkpoint, str(out / "six_fields.ckpt"))
        if hasattr(pl.Callback, "state_dict"):
            stamped = trainer([ours.GitCommitCallback(repository, "strict")], folder, max_epochs=1)
            stamped.fit(Model(), data())
            stamped.save_checkpoint(str(out / "python_callback.ckpt"))
    print("\n".join(str(path) for path in sorted(out.glob("*.ckpt"))))


def main(args):
    warnings.simplefilter("ignore")
    for name in ("pytorch_lightning", "plgitcallback"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if len(args) == 3 and args[0] == "--write":
        write(Path(args[1]), Path(args[2]))
        return 0
    if len(args) < 3 or args[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 129
    module, repository = original(args[0]), Path(args[1]).resolve()
    wrong = 0
    for path in map(Path, args[2:]):
        look = read_log if path.suffix == ".json" else check
        with tempfile.TemporaryDirectory() as folder:
            later = Path(folder) / "later"
            git(folder, "clone", "-q", "--no-hardlinks", str(repository), str(later))
            git(later, "commit", "-q", "--allow-empty", "-m", "later")
            cases = [("same commit", repository, "passes"), ("other commit", later, "Git status mismatch")]
            for case, where, expected in cases:
                said = look(module, where, path.resolve())
                good = said == expected if expected == "passes" else expected in said
                wrong += not good
                print(f"Lightning {pl.__version__}: {path.name}: {case}, strict: {said}{'' if good else '  WRONG'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
