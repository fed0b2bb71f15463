"""Compares checkpoints with their stamped copies, as torch loads them.

usage: torch_same.py < JSON list of [FILE, STAMPED FILE]

Prints for each pair:

- `weights_only`: what loading both files with weights_only=True ends in, "loads" or the error;
- `trusted`: the same for weights_only=False, where classes that are not here have stand-ins;
- `different`: where the values differ in more than the stamp, of all that both files gave;
- `stamp`, `callback`: what the stamped file has at top level and in `callbacks`.

Only for files of ours: their pickles run.
"""
import importlib
import json
import sys
import types
import warnings

import torch

STAMP, CALLBACK = "git_theta_provenance", "GitCommitCallback"


# Classes that fixtures name.
STAND_INS = {
    "plgitcallback": "GitCommitCallback",
    "pytorch_lightning.callbacks.model_checkpoint": "ModelCheckpoint",
    "__main__": "Net",
}


def stand_in(module, name):
    try:
        if module != "__main__":
            importlib.import_module(module)
            return
    except ImportError:
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
    base = torch.nn.Module if name == "Net" else object
    setattr(sys.modules[module], name, type(name, (base,), {"__module__": module}))


def load(path, trusted):
    try:
        return "loads", torch.load(path, map_location="cpu", weights_only=not trusted)
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace(path, "FILE"), None


def storage_of(tensor):
    if hasattr(tensor, "untyped_storage"):
        return tensor.untyped_storage()
    return tensor.storage()._storage


class Comparison:
    def __init__(self):
        self.different = []
        self.seen = set()
        self.storages = {}

    def run(self, a, b):
        self.value(self.bare(a), self.bare(b), "")
        return self.different

    @staticmethod
    def bare(value):
        """Without what a stamp adds."""
        if type(value) is not dict:
            return value
        value = {key: item for key, item in value.items() if key != STAMP}
        if isinstance(value.get("callbacks"), dict):
            value["callbacks"] = {key: item for key, item in value["callbacks"].items() if key != CALLBACK}
        return value

    def equal(self, a, b, path):
        if a != b:
            self.different.append(f"{path}: {a!r} != {b!r}")

    def value(self, a, b, path):
        if (id(a), id(b)) in self.seen:
            return
        self.seen.add((id(a), id(b)))
        self.equal(type(a), type(b), path)
        if type(a) is not type(b):
            return
        if isinstance(a, torch.Tensor):
            self.tensor(a, b, path)
        elif isinstance(a, dict):
            self.equal([self.name(key) for key in a], [self.name(key) for key in b], path)
            for (key, one), other in zip(a.items(), b.values()):
                self.value(one, other, f"{path}/{self.name(key)}")
        elif isinstance(a, (list, tuple)):
            self.equal(len(a), len(b), path)
            for index, (one, other) in enumerate(zip(a, b)):
                self.value(one, other, f"{path}/{index}")
        elif hasattr(a, "tobytes"):  # NumPy
            self.equal((a.dtype, a.shape), (b.dtype, b.shape), path)
            if a.dtype.hasobject:
                self.value(a.tolist(), b.tolist(), path)
            else:
                self.equal(a.tobytes(), b.tobytes(), path)
        elif isinstance(a, float):
            self.equal(a.hex(), b.hex(), path)
        elif isinstance(a, (type, types.FunctionType, types.BuiltinFunctionType)):
            self.equal(a, b, path)
        elif not hasattr(a, "__dict__"):
            self.equal(repr(a), repr(b), path)
        if hasattr(a, "__dict__") and not isinstance(a, (type, types.FunctionType)):
            self.value(vars(a), vars(b), f"{path}/__dict__")

    @staticmethod
    def name(key):
        return key if isinstance(key, str) else repr(key)

    def tensor(self, a, b, path):
        self.equal((a.dtype, a.is_nested, a.layout), (b.dtype, b.is_nested, b.layout), path)
        if a.is_nested:
            return self.value(a.unbind(), b.unbind(), path)
        self.equal(tuple(a.shape), tuple(b.shape), path)
        self.equal((a.requires_grad, a.is_conj(), a.is_neg()), (b.requires_grad, b.is_conj(), b.is_neg()), path)
        a, b = a.detach(), b.detach()
        parts = ()
        if a.layout is torch.sparse_coo:
            parts = ("_indices", "_values")
        elif a.layout is not torch.strided:
            rows = a.layout in (torch.sparse_csr, torch.sparse_bsr)
            parts = ("crow_indices", "col_indices", "values") if rows else ("ccol_indices", "row_indices", "values")
        else:
            self.strided(a, b, path)
        for part in parts:
            self.strided(getattr(a, part)(), getattr(b, part)(), f"{path}.{part}")

    def strided(self, a, b, path):
        place = [(one.stride(), one.storage_offset(), one.device.type) for one in (a, b)]
        self.equal(*place, path)
        if a.device.type == "meta":
            return
        if a.is_quantized:
            self.equal(repr(a), repr(b), path)  # scales and zero points
        one, other = storage_of(a), storage_of(b)
        # Tensors that shared their storage still do, and no others.
        self.equal(self.storages.setdefault(one.data_ptr(), other.data_ptr()), other.data_ptr(), f"{path} storage")
        if bytes(one) != bytes(other):
            self.different.append(f"{path}: other bits")


def compare(original, stamped):
    result = {"different": [], "stamp": None, "callback": None}
    for name, trusted in (("weights_only", False), ("trusted", True)):
        (said, a), (said_of_stamped, b) = load(original, trusted), load(stamped, trusted)
        result[name] = [said, said_of_stamped]
        if said == said_of_stamped == "loads":
            result["different"] += Comparison().run(a, b)
        if type(b) is dict:
            result["stamp"] = b.get(STAMP)
            callbacks = b.get("callbacks")
            result["callback"] = callbacks.get(CALLBACK) if isinstance(callbacks, dict) else None
    return result


warnings.simplefilter("ignore")
for module, name in STAND_INS.items():
    stand_in(module, name)
json.dump([compare(*pair) for pair in json.load(sys.stdin)], sys.stdout)
