"""Caffe's models: read as data, and no file, however bad, does more than end with one line."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from tests.weights.caffe_file import blob, layer, model
from tests.weights.onnx_file import message, number, varint
from vosmem import weights
from vosmem.errors import UserError
from vosmem.weights import caffe, wire

DTYPES = st.sampled_from(["float32", "float64"])
ARRAYS = DTYPES.flatmap(lambda d: st_np.arrays(d, st_np.array_shapes(min_dims=0, max_dims=5, max_side=4)))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("caffe") / "w.caffemodel"


@settings(deadline=None)
@given(st.lists(st.lists(ARRAYS, max_size=4), min_size=1, max_size=4), st.booleans(), st.booleans())
def test_what_was_written_is_read_in_order(path, layers, old, packed):
    written = {}
    for i, blobs in enumerate(layers):
        written |= {f"l{i}.{('weight', 'bias', '2', '3')[j]}": values for j, values in enumerate(blobs)}
    parts = (layer(f"l{i}", "X", *(blob(b, packed=packed) for b in blobs), old=old) for i, blobs in enumerate(layers))
    path.write_bytes(model(*parts))
    if not written:
        with pytest.raises(ValueError, match="no layer with blobs"):
            caffe.parameters(path)
        return
    read = caffe.parameters(path)
    assert list(read) == list(written)
    for key, values in written.items():
        assert read[key].dtype == values.dtype
        np.testing.assert_array_equal(read[key], values)


def test_files_of_before_2015_have_four_axes(path):
    kernel, bias = np.arange(18, dtype=np.float32).reshape(2, 1, 3, 3), np.ones(2, np.float32)
    path.write_bytes(model(layer("conv", "", blob(kernel, legacy=True), blob(bias, legacy=True), old=True)))
    read = caffe.parameters(path)
    np.testing.assert_array_equal(read["conv.weight"], kernel)
    np.testing.assert_array_equal(read["conv.bias"], bias.reshape(1, 1, 1, 2))


def test_weights_load_gives_float32_tensors(path):
    path.write_bytes(model(layer("fc", "InnerProduct", blob(np.array([[0.5, 2]])), blob(np.array([3], np.float32)))))
    loaded = weights.load(path)
    torch.testing.assert_close(loaded, {"fc.weight": torch.tensor([[0.5, 2.0]]), "fc.bias": torch.tensor([3.0])})
    loaded["fc.weight"] += 1  # not a view of read-only bytes


def one(*blobs):
    return model(layer("a", "X", *blobs))


ONES = np.ones((2, 3), np.float32)
HUGE = 2**63
BAD = {
    "empty": (b"", "0 bytes, expected 1"),
    "zeros": (bytes(100), "no layer with blobs"),
    "a prototxt": (b'name: "VGG"\nlayer {\n  name: "conv1_1"\n}\n', "what its name says|cut short|no layer"),
    "a picture": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01", "what its name says"),
    "a zip archive": (b"PK\x03\x04\x14\x00\x08\x00" + bytes(range(64)), "what its name says"),
    "layer is a number": (number(100, 5), "a number where a message is expected"),
    "old layer is a number": (number(2, 5), "a number where a message is expected"),
    "name is a number": (message(100, number(1, 5)), "a number where a message is expected"),
    "blob is a number": (message(100, number(7, 5)), "a number where a message is expected"),
    "shape is a number": (one(number(7, 5)), "a number where a message is expected"),
    "data is a number": (one(number(5, 5)), "a number where a message is expected"),
    "old axis is a message": (one(message(1, b"x")), "a message where an axis is expected"),
    "number without end": (b"\xff" * 20, "does not end"),
    "group": (varint(100 << 3 | 3), "wire type 3"),
    "length beyond the end": (varint(100 << 3 | 2) + varint(HUGE), "cut short"),
    "blob beyond its layer": (message(100, varint(7 << 3 | 2) + varint(1000)), "cut short"),
    "absurd shape": (one(blob(ONES, shape=(2**30, 2**30))), "needs 4611686018427387904 bytes, has 24"),
    "absurd axis": (one(blob(ONES, shape=(HUGE,))), "an axis of length"),
    "negative axis": (one(blob(ONES, shape=(2**64 - 1, 6))), "an axis of length"),
    "absurd old axis": (one(blob(ONES, shape=(HUGE, 1, 1, 1), legacy=True)), "an axis of length"),
    "more than it has": (one(blob(ONES, shape=(2, 4))), "needs 32 bytes, has 24"),
    "less than it has": (one(blob(ONES, shape=(2, 2))), "needs 16 bytes, has 24"),
    "odd bytes": (one(message(7, message(1, varint(1))) + message(5, b"12345")), "needs 4 bytes, has 5"),
    "axes without end": (one(blob(ONES, shape=[1] * 100_000)), "more than 8 axes"),
    "axes without end, one by one": (one(message(7, number(1, 1) * 100_000)), "more than 8 axes"),
    "no data": (one(number(1, 5)), "neither data nor double_data"),
    "both kinds of data": (one(blob(ONES, more=message(8, bytes(48)))), "both data and double_data"),
    "one name twice": (one(blob(ONES)) + one(blob(ONES)), "two layers are named 'a'"),
    "layers without end": (b"".join(layer(str(i), "", blob(ONES)) for i in range(10_001)), "more than 10000 blobs"),
    "blobs without end": (one(*[b""] * 10_001), "a layer of more than 16 blobs"),
    "a long name": (model(layer("a" * 100_000, "X", blob(ONES))), "longer than 200"),
    "no name": (message(100, message(1, b"\xff\xfe")), "utf-8"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_end_with_one_line(path, name):
    content, told = BAD[name]
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=f"w.caffemodel: not a readable weight file .*({told})") as caught:
            weights.load(path)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(content) + 2**20
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_file_cut_anywhere_is_refused(path):
    whole = one(blob(ONES), blob(ONES[0]))
    end = len(whole) - len(number(5, 0))  # what follows the layers is not needed
    for length in range(end):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut short|no layer with blobs|expected 1"):
            caffe.parameters(path)


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_damaged_files_are_read_or_refused(path, tail, at, patch):
    """Whatever the bytes: arrays no larger than the file, or a ValueError."""
    content = bytearray(one(blob(ONES), blob(np.arange(5.0), packed=False)) + tail)
    at %= len(content)
    content[at : at + len(patch)] = patch
    path.write_bytes(content)
    try:
        read = caffe.parameters(path)
    except ValueError:
        return
    assert sum(t.nbytes for t in read.values()) <= len(content)


def test_a_file_too_large_is_not_read(path):
    with open(path, "wb") as file:
        file.truncate(wire.LARGEST + 1)  # a hole, which takes no room on the disk
    with pytest.raises(UserError, match="expected 1 to 1073741824"):
        weights.load(path)
