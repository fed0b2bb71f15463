"""Reads a safetensors file with the safetensors library."""
import sys

import safetensors

from digest import digest, print_json

NAMES = {
    "BOOL": "bool",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu",
}
KINDS = {"F": "float", "I": "int", "U": "uint", "C": "complex"}


def name_of(dtype):
    return NAMES.get(dtype) or KINDS[dtype[0]] + dtype[1:]


with open(sys.argv[1], "rb") as file:
    tensors = safetensors.deserialize(file.read())
print_json({name: digest(name_of(t["dtype"]), t["shape"], bytes(t["data"])) for name, t in tensors})
