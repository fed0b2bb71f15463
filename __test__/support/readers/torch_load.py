"""Reads a checkpoint with torch.load.

usage: torch_load.py FILE [--trusted]

Without --trusted only what `weights_only` allows is loaded, where this torch has it. Names are
dict keys and list indices joined by "/".
"""
import inspect
import sys

import torch

from digest import digest, print_json

path, trusted = sys.argv[1], "--trusted" in sys.argv[2:]


def tensor_bytes(t):
    t = t.detach()
    if t.is_quantized:
        t = t.int_repr()
    if t.is_conj() or t.is_neg():
        t = t.resolve_conj().resolve_neg()
    t = t.contiguous()
    if t.numel() == 0:
        return b""
    # Always through bytes: NumPy lacks some of torch's types.
    return t.reshape(-1).view(torch.uint8).numpy().tobytes()


def walk(o, path=()):
    if isinstance(o, torch.Tensor):
        if o.layout is torch.strided and not o.is_nested and o.device.type != "meta":
            yield "/".join(path), o
    elif isinstance(o, dict):
        for key, value in o.items():
            yield from walk(value, path + (str(key),))
    elif isinstance(o, (list, tuple)):
        for index, value in enumerate(o):
            yield from walk(value, path + (str(index),))


options = {"map_location": "cpu"}
if "weights_only" in inspect.signature(torch.load).parameters:
    options["weights_only"] = not trusted
loaded = torch.load(path, **options)
print_json(
    {
        name: digest(str(t.dtype).replace("torch.", ""), t.shape, tensor_bytes(t))
        for name, t in walk(loaded)
    }
)
