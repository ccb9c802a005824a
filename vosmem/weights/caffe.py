"""The parameters of a Caffe model (``.caffemodel``), read as data: no Caffe, no graph, nothing is run.

A model is one protobuf message, NetParameter (:mod:`vosmem.weights.wire`; field numbers are those of
https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto). Its layers, ``layer`` or in files of before 2015
``layers``, have a name and blobs; a convolution's first blob are its weights, (out, in, h, w), its second its bias.
Files of before 2015 give all shapes four axes, a bias (1, 1, 1, out).

Files may be hostile: lengths and shapes are checked before anything is made of them, and all arrays together are no
larger than the file, which is mapped, not read.
"""

from __future__ import annotations

import mmap
import os
from math import prod

import numpy as np

from vosmem.weights.wire import LARGEST, fields, message, numbers

LAYERS, LAYERS_V1 = 100, 2  # of NetParameter
NAME, BLOBS = {LAYERS: 1, LAYERS_V1: 4}, {LAYERS: 7, LAYERS_V1: 6}  # of LayerParameter, of V1LayerParameter
LEGACY_SHAPE, DATA, SHAPE, DOUBLE_DATA = (1, 2, 3, 4), 5, 7, 8  # of BlobProto: num, channels, height, width, ...
DIM = 1  # of BlobShape
KINDS = ("weight", "bias")  # what a layer's first two blobs are called here; the others by their numbers
MOST_AXES, MOST_OF_A_LAYER, MOST_BLOBS, LONGEST_NAME = 8, 16, 10_000, 200


def parameters(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """``<layer>.weight`` and ``<layer>.bias`` of all layers that have them, float32 or float64, in the file's order.

    Raises ValueError that tells what is wrong.
    """
    size = os.stat(path).st_size
    if not 0 < size <= LARGEST:
        raise ValueError(f"{size} bytes, expected 1 to {LARGEST}")
    with open(path, "rb") as file:  # the mapping itself goes with the last view of it
        return _net(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))


def _net(whole: memoryview) -> dict[str, np.ndarray]:
    """NetParameter: all blobs, by layer and kind."""
    found: dict[str, np.ndarray] = {}
    for field, value in fields(whole):
        if field not in (LAYERS, LAYERS_V1):
            continue
        name, blobs = _layer(message(value), field)
        for i, blob in enumerate(blobs):
            key = f"{name}.{KINDS[i] if i < len(KINDS) else i}"
            if key in found:
                raise ValueError(f"two layers are named {name!r}")
            if len(found) == MOST_BLOBS:
                raise ValueError(f"more than {MOST_BLOBS} blobs; is it what its name says?")
            found[key] = _blob(blob, key)
    if not found:
        raise ValueError("no layer with blobs; is it a .caffemodel, not a .prototxt?")
    return found


def _layer(proto: memoryview, kind: int) -> tuple[str, list[memoryview]]:
    """A layer's name and its blobs, still as messages."""
    name, blobs = "", []
    for field, value in fields(proto):
        if field == NAME[kind]:
            name = str(message(value)[: LONGEST_NAME + 1], "utf-8")
        elif field == BLOBS[kind]:
            blobs.append(message(value))
            if len(blobs) > MOST_OF_A_LAYER:
                raise ValueError(f"a layer of more than {MOST_OF_A_LAYER} blobs; is it what its name says?")
    if len(name) > LONGEST_NAME:
        raise ValueError(f"a layer's name is longer than {LONGEST_NAME} characters")
    return name, blobs


def _blob(proto: memoryview, key: str) -> np.ndarray:
    """BlobProto: its values in its shape. Those of a packed field are copied once, from the file to the array."""
    legacy: dict[int, int] = {}
    shape: list[int] | None = None
    parts: dict[int, memoryview | bytearray] = {}
    for field, value in fields(proto):
        if field in LEGACY_SHAPE:
            legacy[field] = _axis(value, key)
        elif field == SHAPE:
            shape = _shape(message(value), key)
        elif field in (DATA, DOUBLE_DATA):
            if field in parts:  # one by one, as protobuf also allows
                if not isinstance(parts[field], bytearray):
                    parts[field] = bytearray(parts[field])
                parts[field] += message(value)
            else:
                parts[field] = message(value)
    if len(parts) != 1:
        raise ValueError(f"{key}: {'both data and double_data' if parts else 'neither data nor double_data'}")
    ((field, data),) = parts.items()
    dtype = np.dtype("<f4" if field == DATA else "<f8")
    if shape is None:
        shape = [legacy.get(axis, 1) for axis in LEGACY_SHAPE] if legacy else [len(data) // dtype.itemsize]
    if prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"{key} of shape {shape} needs {prod(shape) * dtype.itemsize} bytes, has {len(data)}")
    return np.frombuffer(data, dtype).reshape(shape).copy()


def _shape(proto: memoryview, key: str) -> list[int]:
    """BlobShape: the axes, one by one or packed into one field."""
    axes: list[int] = []
    for field, value in fields(proto):
        if field == DIM:
            axes += [value] if isinstance(value, int) else numbers(value, MOST_AXES + 1)
            if len(axes) > MOST_AXES:
                raise ValueError(f"{key} has more than {MOST_AXES} axes; is the file damaged?")
    return [_axis(axis, key) for axis in axes]


def _axis(value: int | memoryview, key: str) -> int:
    """An axis that may be."""
    if not isinstance(value, int):
        raise ValueError(f"{key}: a message where an axis is expected; is it what its name says?")
    if value > LARGEST:  # negative ones are written as numbers beyond 2**63
        raise ValueError(f"{key} has an axis of length {value}; is the file damaged?")
    return value
