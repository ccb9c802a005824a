"""Writing Caffe models for tests: NetParameter with layers and blobs, in today's form and in that of before 2015."""

import numpy as np

from tests.weights.onnx_file import message, number, varint


def blob(values, *, shape=None, legacy=False, packed=True, more=b""):
    """A BlobProto of float32 or float64 values; ``shape`` may lie, ``more`` is appended."""
    values = np.asarray(values)
    shape = values.shape if shape is None else shape
    field, wire = (5, 5) if values.dtype == np.float32 else (8, 1)
    if legacy:  # four axes, of which the first are padded with ones
        padded = (*[1] * (4 - len(shape)), *shape)
        head = b"".join(number(i, n) for i, n in enumerate(padded, 1))
    else:
        head = message(7, message(1, b"".join(map(varint, shape))))
    if packed:
        return head + message(field, values.tobytes()) + more
    one = varint(field << 3 | wire)
    return head + b"".join(one + value.tobytes() for value in values.ravel()) + more


def layer(name, kind, *blobs, old=False):
    """A field of NetParameter: a layer with BlobProtos. ``kind``: its type, e.g. Convolution."""
    if old:  # types were numbers then; 4 is CONVOLUTION
        return message(2, message(4, name.encode()) + number(5, 4) + b"".join(message(6, b) for b in blobs))
    return message(100, message(1, name.encode()) + message(2, kind.encode()) + b"".join(message(7, b) for b in blobs))


def model(*layers, name="a test"):
    """A NetParameter, with fields that a reader has to step over."""
    return message(1, name.encode()) + message(3, b"data") + b"".join(layers) + number(5, 0)
