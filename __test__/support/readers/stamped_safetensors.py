"""Prints what the safetensors library reads from files.

usage: stamped_safetensors.py FILE...

Per file: `metadata`, and `tensors`: digests by name, in the order of the file.
"""
import sys

import safetensors

from digest import digest, print_json


def read(path):
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata, keys = file.metadata(), list(file.keys())
    with open(path, "rb") as file:
        tensors = dict(safetensors.deserialize(file.read()))
    return {
        "metadata": metadata,
        "keys": keys,
        "tensors": {name: digest(t["dtype"], t["shape"], bytes(t["data"])) for name, t in tensors.items()},
    }


print_json([read(path) for path in sys.argv[1:]])
