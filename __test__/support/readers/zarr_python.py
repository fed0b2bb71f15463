"""Reads git-theta's arrays below a directory with zarr-python."""
import sys

import numpy
import zarr
from zarr.core.dtype import data_type_registry
from zarr.dtype import UInt16

from digest import print_json, read_zarr_arrays


class BFloat16(UInt16):
    """The bits of bfloat16, which zarr-python lacks."""

    _zarr_v3_name = "bfloat16"

    def from_json_scalar(self, data, *, zarr_format):
        # Inherited, it would take a fill value of 1.0 for the bits 0x0001.
        if isinstance(data, str) and data.startswith("0x"):
            return numpy.uint16(int(data, 16))
        return numpy.uint16(numpy.float32(data).view("uint32") >> 16)


data_type_registry.register("bfloat16", BFloat16)

print_json(read_zarr_arrays(sys.argv[1], lambda path: zarr.open_array(path, mode="r")[...]))
