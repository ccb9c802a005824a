"""ONNX files: read as data, and no file, however bad, does more than end with one line."""

import tracemalloc

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from tests.weights.onnx_file import message, model, number, tensor, varint
from vosmem import weights
from vosmem.errors import UserError
from vosmem.weights import onnx

DTYPES = st.sampled_from(["float32", "float16", "float64", "int32", "int64"])
ARRAYS = DTYPES.flatmap(lambda d: st_np.arrays(d, st_np.array_shapes(min_dims=0, max_dims=5, max_side=4)))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("onnx") / "w.onnx"


@settings(deadline=None)
@given(st.lists(ARRAYS, max_size=4), st.booleans())
def test_what_was_written_is_read_in_order(path, arrays, packed):
    path.write_bytes(model(*(tensor(f"t{9 - i}", a, packed=packed) for i, a in enumerate(arrays))))
    read = onnx.initialisers(path)
    assert list(read) == [f"t{9 - i}" for i in range(len(arrays))]
    for got, written in zip(read.values(), arrays, strict=True):
        assert got.dtype == written.dtype
        np.testing.assert_array_equal(got, written)


def test_weights_load_gives_float32_tensors(path):
    path.write_bytes(model(tensor("half", np.array([[0.5, 2]], np.float16)), tensor("n", np.array([3]))))
    loaded = weights.load(path)
    torch.testing.assert_close(loaded, {"half": torch.tensor([[0.5, 2.0]]), "n": torch.tensor([3])})
    loaded["half"] += 1  # not a view of read-only bytes


ONES = np.ones((2, 3), np.float32)
HUGE = 2**63
BAD = {
    "empty": (b"", "0 graphs"),
    "zeros": (bytes(100), "0 graphs"),
    "a picture": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01", "what its name says"),
    "a zip archive": (b"PK\x03\x04\x14\x00\x08\x00" + bytes(range(64)), "what its name says"),
    "two graphs": (model(tensor("a", ONES)) * 2, "2 graphs"),
    "graph is a number": (number(7, 5), "a number where a message is expected"),
    "tensor is a number": (message(7, number(5, 1)), "a number where a message is expected"),
    "number without end": (b"\xff" * 20, "does not end"),
    "group": (varint(7 << 3 | 3), "wire type 3"),
    "length beyond the end": (varint(7 << 3 | 2) + varint(HUGE), "cut short"),
    "absurd shape": (model(tensor("a", ONES, dims=(2**30, 2**30))), "needs 4611686018427387904 bytes, has 24"),
    "absurd axis": (model(tensor("a", ONES, dims=(HUGE,))), "an axis of length"),
    "negative axis": (model(tensor("a", ONES, dims=(2**64 - 1, 6))), "an axis of length"),
    "negative axis, no data": (model(tensor("a", ONES[:0], dims=(0, 2**64 - 1))), "an axis of length"),
    "more than it has": (model(tensor("a", ONES, dims=(2, 4))), "needs 32 bytes, has 24"),
    "less than it has": (model(tensor("a", ONES, dims=(2, 2))), "needs 16 bytes, has 24"),
    "axes without end": (model(tensor("a", ONES, dims=[1] * 100_000)), "more than 8 axes"),
    "packed axes without end": (model(tensor("a", ONES, dims=[1] * 100_000, packed=True)), "more than 8 axes"),
    "of strings": (model(tensor("a", ONES, kind=8)), "data type 8"),
    "type is a message": (model(tensor("a", ONES, more=message(2, b"x"))), "data type"),
    "in another file": (model(tensor("a", ONES, more=message(13, b"../../etc/passwd"))), "kept in another file"),
    "told to be in another file": (model(tensor("a", ONES, more=number(14, 1))), "kept in another file"),
    "stored otherwise": (model(tensor("a", ONES, more=message(4, b"1234"))), "field 4, expected raw_data"),
    "one name twice": (model(tensor("a", ONES), tensor("a", ONES)), "two tensors are named 'a'"),
    "a long name": (model(tensor("a" * 100_000, ONES)), "longer than 200"),
    "no name": (model(message(8, b"\xff\xfe")), "utf-8"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_end_with_one_line(path, name):
    content, told = BAD[name]
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=f"w.onnx: not a readable weight file .*({told})") as caught:
            weights.load(path)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(content) + 2**20
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_file_cut_anywhere_is_refused(path):
    whole = model(tensor("a", ONES), tensor("b", ONES))
    end = len(whole) - len(message(8, number(2, 11)))  # what follows the graph is not needed
    for length in range(end):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut short|0 graphs"):
            onnx.initialisers(path)


@settings(deadline=None)
@given(st.binary(max_size=300), st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_damaged_files_are_read_or_refused(path, tail, at, patch):
    """Whatever the bytes: tensors no larger than the file, or a ValueError."""
    content = bytearray(model(tensor("a", ONES), tensor("b", np.arange(5))) + tail)
    at %= len(content)
    content[at : at + len(patch)] = patch
    path.write_bytes(content)
    try:
        read = onnx.initialisers(path)
    except ValueError:
        return
    assert sum(t.nbytes for t in read.values()) <= len(content)


def test_a_file_too_large_is_not_read(path):
    with open(path, "wb") as file:
        file.truncate(onnx.LARGEST + 1)  # a hole, which takes no room on the disk
    with pytest.raises(UserError, match="expected at most 1073741824"):
        weights.load(path)
