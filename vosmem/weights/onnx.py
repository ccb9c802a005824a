"""The tensors of an ONNX file, read as data: the graph is never run, and no ONNX library is needed.

An ONNX file is one protobuf message (:mod:`vosmem.weights.wire`). The weights are the ``initializer`` entries of its
graph (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). All other fields are stepped over.

Every shape is checked against its data before an array is made, so no array is larger than the file.
"""

from __future__ import annotations

import os
from math import prod
from pathlib import Path

import numpy as np

from vosmem.weights.wire import LARGEST, fields, message, numbers

MODEL_GRAPH = 7  # field numbers of ModelProto, GraphProto and TensorProto
GRAPH_INITIALIZER = 5
DIMS, DATA_TYPE, NAME, RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 1, 2, 8, 9, 13, 14
OTHER_DATA = (4, 5, 6, 7, 10, 11)  # float_data, int32_data, string_data, int64_data, double_data, uint64_data
DTYPES = {1: "<f4", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}  # TensorProto.DataType
MOST_AXES, LONGEST_NAME = 8, 200


def initialisers(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The graph's stored tensors by name, in the file's order. Raises ValueError that tells what is wrong."""
    if (size := os.stat(path).st_size) > LARGEST:
        raise ValueError(f"{size} bytes, expected at most {LARGEST}")
    graphs = [v for field, v in fields(memoryview(Path(path).read_bytes())) if field == MODEL_GRAPH]
    if len(graphs) != 1:
        raise ValueError(f"{len(graphs)} graphs, expected 1; not an ONNX file?")
    tensors: dict[str, np.ndarray] = {}
    for field, value in fields(message(graphs[0])):
        if field == GRAPH_INITIALIZER:
            name, tensor = _tensor(message(value))
            if name in tensors:
                raise ValueError(f"two tensors are named {name!r}")
            tensors[name] = tensor
    return tensors


def _tensor(proto: memoryview) -> tuple[str, np.ndarray]:
    """One TensorProto: its name and its values."""
    name, kind, dims, data = "", 0, [], memoryview(b"")
    for field, value in fields(proto):
        if field == NAME:
            name = str(message(value)[: LONGEST_NAME + 1], "utf-8")
        elif field == DATA_TYPE:
            kind = value
        elif field == DIMS:  # one by one, or packed into one field
            dims += [value] if isinstance(value, int) else numbers(value, MOST_AXES + 1)
            if len(dims) > MOST_AXES:
                raise ValueError(f"tensor {name!r} has more than {MOST_AXES} axes; is the file damaged?")
        elif field == RAW_DATA:
            data = message(value)
        elif field == EXTERNAL_DATA or (field == DATA_LOCATION and value != 0):
            raise ValueError(f"tensor {name!r} is kept in another file; save the model as one file")
        elif field in OTHER_DATA:
            raise ValueError(f"tensor {name!r} is stored in field {field}, expected raw_data")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a tensor's name is longer than {LONGEST_NAME} characters")
    if kind not in DTYPES:
        raise ValueError(f"tensor {name!r} has data type {kind!r:.20}, expected one of {list(DTYPES)}")
    if any(n > LARGEST for n in dims):
        raise ValueError(f"tensor {name!r} has an axis of length {max(dims)}; is the file damaged?")
    dtype = np.dtype(DTYPES[kind])
    if prod(dims) * dtype.itemsize != len(data):
        raise ValueError(f"tensor {name!r} of shape {dims} needs {prod(dims) * dtype.itemsize} bytes, has {len(data)}")
    return name, np.frombuffer(data, dtype).reshape(dims).copy()
