"""Writing ONNX files for tests: just enough of the protobuf wire format."""

import numpy as np

KINDS = {"float32": 1, "int32": 6, "int64": 7, "float16": 10, "float64": 11}


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def tensor(name, values, dims=None, packed=False, kind=None, more=b""):
    """A TensorProto; ``dims`` and ``kind`` may lie, ``more`` is appended."""
    values = np.asarray(values)
    dims = values.shape if dims is None else dims
    shape = message(1, b"".join(map(varint, dims))) if packed else b"".join(number(1, n) for n in dims)
    kind = number(2, KINDS[values.dtype.name] if kind is None else kind)
    return shape + kind + message(8, name.encode()) + message(9, values.tobytes()) + more


def model(*tensors):
    """A ModelProto whose graph has the given TensorProtos, among other fields that a reader has to step over."""
    graph = message(1, message(4, b"Conv")) + message(2, b"graph") + b"".join(message(5, t) for t in tensors)
    return number(1, 6) + message(2, b"a test") + message(7, graph) + message(8, number(2, 11))
