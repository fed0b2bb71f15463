"""Prints what the onnx library reads from models, after its checker had a look.

usage: stamped_onnx.py FILE...

Per file: `metadata`, and `rest`: the digest of the model without metadata.
"""
import hashlib
import json
import sys

import onnx


def read(path):
    # By its path, so that data in other files is looked at, too.
    onnx.checker.check_model(path)
    model = onnx.load(path)
    metadata = [[entry.key, entry.value] for entry in model.metadata_props]
    model.ClearField("metadata_props")
    rest = hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
    return {"metadata": metadata, "rest": rest}


json.dump([read(path) for path in sys.argv[1:]], sys.stdout)
