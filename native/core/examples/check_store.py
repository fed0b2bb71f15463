"""Opens the arrays that `write_store` wrote with other Zarr readers and compares every byte.

    pip install 'zarr>=3' tensorstore ml_dtypes numpy numcodecs blosc2
    check_store.py DIR

Prints, per reader and data type, how many arrays are the same, how many it does not open, and how
many are wrong. A reader may refuse a type; exit status 1 says that one returned wrong bytes.
"""

import collections
import json
import pathlib
import sys
import warnings

import blosc2
import ml_dtypes  # noqa: F401  (registers the types of TensorStore's results)
import numcodecs.blosc
import numpy as np
import tensorstore
import zarr
from zarr.core.dtype import UInt16, data_type_registry

warnings.filterwarnings("ignore")


class NoChunksError(Exception):
    """The constant form has no chunks to decode."""


class BFloat16(UInt16):
    _zarr_v3_name = "bfloat16"

    def from_json_scalar(self, data, *, zarr_format):
        data = int(data, 16) if isinstance(data, str) else data
        return super().from_json_scalar(data, zarr_format=zarr_format)


data_type_registry.register("bfloat16", BFloat16)


def with_zarr_python(path):
    array = zarr.open_array(path, mode="r")
    return np.asarray(array[...]).tobytes()


def with_tensorstore(path):
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}}
    return tensorstore.open(spec).result().read(order="C").result().tobytes()


def chunks(path, decode):
    """Decodes each chunk by itself and puts the array together after the specification."""
    meta = json.loads((path / "zarr.json").read_text())
    shape = meta["shape"]
    grid = meta["chunk_grid"]["configuration"]["chunk_shape"]
    files = [f for f in path.iterdir() if f.name != "zarr.json"]
    if not files:
        raise NoChunksError
    order = list(range(len(shape)))
    for codec in meta["codecs"]:
        if codec["name"] == "transpose":
            order = codec["configuration"]["order"]
    array = None
    for file in files:
        raw = np.frombuffer(decode(file.read_bytes()), dtype=np.uint8)
        chunk = raw.reshape([grid[a] for a in order] + [-1])
        chunk = chunk.transpose(list(np.argsort(order)) + [len(order)])
        if array is None:
            array = np.zeros([*shape, chunk.shape[-1]], np.uint8)
        index = [int(i) for i in file.name.split(".")[1:]]
        where = tuple(slice(i * g, min((i + 1) * g, s)) for i, g, s in zip(index, grid, shape))
        target = array[where]
        target[...] = chunk[tuple(slice(0, n) for n in target.shape)]
    return array.tobytes()


READERS = {
    "zarr-python": with_zarr_python,
    "tensorstore": with_tensorstore,
    "c-blosc": lambda path: chunks(path, numcodecs.blosc.decompress),
    "c-blosc2": lambda path: chunks(path, blosc2.decompress),
}


def main():
    root = pathlib.Path(sys.argv[1])
    results = collections.defaultdict(collections.Counter)
    wrong = []
    for path in sorted(p for p in root.iterdir() if p.is_dir()):
        meta = json.loads((path / "zarr.json").read_text())
        data_type = meta["data_type"]
        expected = (root / f"{path.name}.bin").read_bytes()
        for reader, read in READERS.items():
            try:
                ok = read(path) == expected
            except NoChunksError:
                continue
            except Exception as error:  # any refusal is an answer
                results[reader, data_type]["refused"] += 1
                results[reader, data_type][str(error).splitlines()[0][:90]] += 1
                continue
            results[reader, data_type]["same" if ok else "WRONG"] += 1
            if not ok:
                wrong.append((reader, path.name))
    for (reader, data_type), counts in sorted(results.items()):
        print(f"{reader:12} {data_type:16} {dict(counts)}")
    group = zarr.open_group(root, mode="r")
    print("group", group.attrs.asdict())
    for reader, name in wrong:
        print("WRONG", reader, name)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
