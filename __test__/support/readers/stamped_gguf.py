"""Prints what the gguf package reads from files.

usage: stamped_gguf.py FILE...

Per file: `metadata`, the keys with their types and values; `tensors`: name, type, shape, digest of the data.
"""
import hashlib
import json
import sys

import gguf


def read(path):
    reader = gguf.GGUFReader(path)
    metadata = {
        name: [[kind.name for kind in field.types], repr(field.contents())]
        for name, field in reader.fields.items()
        if not name.startswith("GGUF.")
    }
    strings = {name: field.contents() for name, field in reader.fields.items() if name.startswith("git_theta.")}
    tensors = [
        [t.name, t.tensor_type.name, [int(n) for n in t.shape], hashlib.sha256(t.data.tobytes()).hexdigest()]
        for t in reader.tensors
    ]
    return {"metadata": metadata, "strings": strings, "tensors": tensors, "alignment": reader.alignment}


json.dump([read(path) for path in sys.argv[1:]], sys.stdout)
