"""Weight files from anywhere: nothing of them is run, no heading makes room for what is not there; see `test_configs`.

What is read as weights comes from the internet and from other people, so every format has its own row in WRITERS: a new
one (a reader by suffix in `vosmem.weights.load`) needs one more, and is then tried with all the damage.
"""

import copy
import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.doors.door import Door, address_space, no_longer_than, some, tidy
from tests.weights import caffe_file, onnx_file
from vosmem import weights
from vosmem.errors import UserError
from vosmem.memory import WEIGHTS_KEYS, adopted, predict
from vosmem.motion import checkpoint

VALUES = np.arange(600, dtype=np.float32).reshape(20, 30)


def safetensors(header=None, length=None):
    told = {"a": {"dtype": "F32", "shape": [20, 30], "data_offsets": [0, 2400]}} if header is None else header
    text = told if isinstance(told, bytes) else json.dumps(told).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + VALUES.tobytes()


def pth(tensors=None):
    out = io.BytesIO()
    torch.save({"a": torch.from_numpy(VALUES)} if tensors is None else tensors, out)
    return out.getvalue()


WRITERS = {  # suffix -> a whole file of that format
    ".safetensors": safetensors(),
    ".pth": pth(),
    ".onnx": onnx_file.model(onnx_file.tensor("a", VALUES)),
    ".caffemodel": caffe_file.model(caffe_file.layer("a", "Convolution", caffe_file.blob(VALUES))),
}
FRACTIONS = [0, 0.002, 0.05, 0.3, 0.7, 0.95]
FLIPS = range(12)


class Runs:
    """A pickle that would write a file."""

    def __reduce__(self):
        return (exec, ("open('ran', 'w').write('x')",))


def pickled(value):
    """A .pth as PyTorch writes it, whose pickle is of another value."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(pth())) as whole, zipfile.ZipFile(out, "w") as changed:
        for name in whole.namelist():
            changed.writestr(name, pickle.dumps(value, 2) if name.endswith("data.pkl") else whole.read(name))
    return out.getvalue()


def many(levels=60):
    """A pickle of some hundred bytes for lists of 2^60 entries."""
    inside = b"]" + b"".join(b"q%c](h%ch%ce" % (k, k, k) for k in range(levels))
    return b"\x80\x02" + inside + b"."


BAD = {
    ".safetensors": {
        "terabytes of heading": safetensors(length=2**42),
        "no heading": safetensors(length=2**64 - 1),
        "terabytes": safetensors({"a": {"dtype": "F32", "shape": [2**20, 2**20], "data_offsets": [0, 2**42]}}),
        "another shape": safetensors({"a": {"dtype": "F32", "shape": [2**20, 2**20], "data_offsets": [0, 2400]}}),
        "offsets back": safetensors({"a": {"dtype": "F32", "shape": [20, 30], "data_offsets": [2400, 0]}}),
        "offsets below": safetensors({"a": {"dtype": "F32", "shape": [20, 30], "data_offsets": [-1, 2400]}}),
        "no such type": safetensors({"a": {"dtype": "exec", "shape": [20, 30], "data_offsets": [0, 2400]}}),
        "a list": safetensors([]),
        "no text": safetensors(b"\xff" * 50),
        "deep": safetensors(b"[" * 100_000),
    },
    ".pth": {
        "runs": pickle.dumps(Runs()),
        "runs, zipped": pickled(Runs()),
        "runs inside": pickled({"state_dict": {"a": Runs()}}),
        "laughs": many(),
        "a number": pth(3),
        "a list": pth([1, 2]),
        "text in it": pth({"a": "text"}),
        "a state of text": pth({"state_dict": "text"}),
        "a path": pth({"../../x": {"b": 1}}),
        "numbers as keys": pth({1: 2}),
    },
    ".onnx": {"a pickle": pickle.dumps(Runs()), "zeros": bytes(1000)},
}


def refused(path, read):
    """What ``read`` says of a file: one line, in time, without much room."""
    room = address_space()
    with no_longer_than(60), pytest.raises(UserError) as caught:
        read(path)
    assert address_space() - room < 1 << 30
    assert tidy(str(caught.value)) and len(str(caught.value)) < 600
    assert not Path("ran").exists()


def written(tmp_path, monkeypatch, suffix, content):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_whole_file_is_read(suffix, tmp_path, monkeypatch):
    path = written(tmp_path, monkeypatch, suffix, WRITERS[suffix])
    (read,) = weights.load(path).values()
    np.testing.assert_array_equal(read.numpy(), VALUES)


@pytest.mark.parametrize(("suffix", "name"), [(s, n) for s, files in BAD.items() for n in files])
@pytest.mark.parametrize("read", [weights.load, predict.load, checkpoint.load], ids=["file", "memory", "mpnet"])
def test_bad_files_are_refused(suffix, name, read, tmp_path, monkeypatch):
    refused(written(tmp_path, monkeypatch, suffix, BAD[suffix][name]), read)


@pytest.mark.parametrize("kept", FRACTIONS)
@pytest.mark.parametrize("suffix", WRITERS)
def test_files_that_were_cut_are_refused(suffix, kept, tmp_path, monkeypatch):
    whole = WRITERS[suffix]
    refused(written(tmp_path, monkeypatch, suffix, whole[: int(kept * len(whole))]), weights.load)


@pytest.mark.parametrize("seed", some(FLIPS))
@pytest.mark.parametrize("suffix", WRITERS)
def test_bytes_that_changed_are_read_or_refused(suffix, seed, tmp_path, monkeypatch):
    rng, whole = np.random.default_rng(seed), bytearray(WRITERS[suffix])
    start = rng.integers(0, 200)  # most of what a heading says stands at the beginning
    whole[start : start + 8] = rng.bytes(8)
    path = written(tmp_path, monkeypatch, suffix, whole)
    room = address_space()
    try:
        with no_longer_than(60):
            read = weights.load(path)
        assert sum(t.nbytes for t in read.values()) <= 2 * len(whole)
    except UserError as error:
        assert tidy(str(error))
    assert address_space() - room < 1 << 30


SHIPPED = weights.entry("lvo").path()
ODD = [None, 1, -1, 1e300, "text", [], {}, [1], {"a": 1}, 10**12, True]


def retold(path, **changes):
    """The shipped memory with some of what it says of itself changed."""
    weights.save(path, weights.load(SHIPPED), {**weights.metadata(SHIPPED), **changes})
    return path


def lacking(streams, lost):
    """What a memory tells of its streams, less an entry."""
    streams = copy.deepcopy(streams)
    {
        "a stage": lambda: streams.pop("motion"),
        "a version": lambda: streams["appearance"][0].pop("version"),
        "a hash": lambda: streams["motion"][0].pop("weights"),
        "the flow": lambda: [made["parameters"].pop("flow") for made in streams["motion"]],
        "the flow's version": lambda: streams["motion"][0]["parameters"]["flow"].pop("version"),
    }[lost]()
    return streams


@pytest.mark.parametrize("lost", ["a stage", "a version", "a hash", "the flow", "the flow's version"])
def test_a_memory_that_lacks_what_says_how_its_streams_were_made_is_refused(lost, tmp_path):
    from vosmem.pipeline.stages import Stages

    streams = lacking(weights.metadata(SHIPPED)["streams"], lost)
    path = retold(tmp_path / "w.safetensors", streams=streams)
    with pytest.raises(UserError, match=r"w\.safetensors: (not the weights of a visual memory|does not tell by which)"):
        Stages.of(path, torch.device("cpu"))


@pytest.mark.parametrize("key", ["settings", "channels", "fine", "streams", "trained_on"])
@pytest.mark.parametrize("value", ODD, ids=repr)
def test_what_a_memory_says_of_itself_may_be_anything(key, value, tmp_path):
    from vosmem import config
    from vosmem.report.models import read_weights

    path = retold(tmp_path / "w.safetensors", **{key: value})
    model = config.resolve({"data": {"name": "x", "root": "y"}, "memory": {"weights": str(path)}})["models"]["lvo"]
    for read in (predict.load, read_weights, lambda p: adopted.differences(p, model, WEIGHTS_KEYS)):
        try:
            with no_longer_than(60):
                read(path)
        except UserError as error:
            assert tidy(str(error)) and "w.safetensors" in str(error)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("state", 10**9),
        ("projection", 10**9),
        ("context", [1] * 1000),
        ("kernel", 10**6 + 1),
        ("finer", 0),
        ("reach", "x"),
    ],
)
def test_a_memory_is_not_built_larger_than_its_file(key, value, tmp_path):
    settings = {**weights.metadata(SHIPPED)["settings"], key: value}
    refused(retold(tmp_path / "w.safetensors", settings=settings), predict.load)


@pytest.mark.parametrize("told", [{"width": 1e6}, {"width": -1}, {"width": "x"}, {"encoding": "x"}, {"encoding": [1]}])
def test_mp_net_is_not_built_larger_than_its_file(told, tmp_path):
    given = weights.entry("mpnet").path()
    weights.save(tmp_path / "w.safetensors", weights.load(given), {**weights.metadata(given), **told})
    refused(tmp_path / "w.safetensors", checkpoint.load)


def test_the_command_says_it_in_a_line(tmp_path, capsys):
    (tmp_path / "w.pth").write_bytes(pickle.dumps(Runs()))
    told = Door(tmp_path, capsys).refuses("memory", "adopt", "w.pth", "--out", "out.safetensors")
    assert "not a readable weight file" in told
