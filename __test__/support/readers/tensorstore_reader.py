"""Reads git-theta's arrays below a directory with TensorStore."""
import sys

import tensorstore

from digest import print_json, read_zarr_arrays


def read(path):
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": path + "/"}}
    return tensorstore.open(spec, read=True).result().read().result()


print_json(read_zarr_arrays(sys.argv[1], read))
