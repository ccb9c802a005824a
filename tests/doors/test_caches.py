"""Cache files and JSON of ours that are not as we wrote them: told in a line by their reader; see `test_configs`."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conftest import write_davis
from tests.doors.door import Door, address_space, no_longer_than, some, tidy
from vosmem import cache
from vosmem.data import describe, layout
from vosmem.errors import UserError
from vosmem.grid import Grid

CLIP = cache.Clip("left", tuple(f"{t:05d}" for t in range(5)), (64, 96))
GRID = Grid.of_image((8, 12), (64, 96))
MAPS = np.random.default_rng(0).random((5, 8, 12)).astype(np.float16)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A cache file and a description, as the stages write them."""
    folder = tmp_path_factory.mktemp("written")
    path = folder / "a.h5"
    with cache.write(path, CLIP, cache.Maker("memory", cache.stage_version("memory"), "visual-memory")) as writer:
        writer.create("probability", (8, 12), GRID)
        writer.append("probability", MAPS)
    root = write_davis(folder / "in", {"left": 5})
    describe.write(folder / "left.json", describe.describe(layout.Place(root), "left", 64, False, folder / "out/left"))
    return folder


@pytest.fixture
def file(tmp_path, written):
    return Path(shutil.copy(written / "a.h5", tmp_path))


@pytest.fixture
def description(tmp_path, written):
    return Path(shutil.copy(written / "left.json", tmp_path))


def read_all(path):
    """Everything that the stages ask of a file."""
    with cache.read(path, "memory") as reader:
        reader.check_whole()
        for name in reader.names:
            reader.shape(name), reader.grid(name), reader.odd(name)
            reader.rows(name, 0, 1)
        return reader.rows("probability")


def refused(path):
    room = address_space()
    with no_longer_than(60), pytest.raises(UserError) as caught:
        read_all(path)
    assert address_space() - room < 1 << 30
    line = str(caught.value)
    assert tidy(line) and line.startswith(f"{path}: ") and "delete the file" in line


ANY = [
    1,
    -1.5,
    "",
    "text",
    "\n",
    b"\xff",
    np.arange(3),
    np.zeros((2, 2)),
    "[" * 5000,
    "null",
    "[]",
    "{}",
    "[1, 2]",
    "9" * 5000,
]


@pytest.mark.parametrize("value", ANY, ids=lambda v: repr(v)[:20])
@pytest.mark.parametrize("name", ["format_version", "sequence", "frames", "frame_size", "maker", "git_commit"])
def test_a_heading_of_anything(file, name, value):
    with h5py.File(file, "r+") as changed:
        changed.attrs[name] = value
        del changed.attrs["heading_sha256"]  # as in files of before there was one, where nothing else tells
    try:
        with no_longer_than(60):
            read_all(file)
    except UserError as error:
        assert tidy(str(error))


@pytest.mark.parametrize("name", ["format_version", "sequence", "frames", "frame_size", "maker", "git_commit"])
def test_a_heading_that_lacks_something(file, name):
    with h5py.File(file, "r+") as changed:
        del changed.attrs[name]
    refused(file)


SHAPES = [(2**40, 8, 12), (5, 2**20, 2**20), (5,), (), (0, 8, 12), (4, 8, 12), (5, 8, 12, 2), (5, 0, 0)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("grid", [True, False])
def test_a_shape_of_anything(file, shape, grid):
    """Chunks that were never written take no room in the file, whatever its heading says."""
    with h5py.File(file, "r+") as changed:
        del changed["probability"]
        chunks = tuple(min(n, 8) or 1 for n in shape) if shape and 0 not in shape else None
        changed.create_dataset("probability", shape, "float16", chunks=chunks)
        if grid:
            changed["probability"].attrs.update(stride=GRID.stride, offset=GRID.offset)
    refused(file)


@pytest.mark.parametrize("kind", ["group", "text", "link", "outside", "soft", "compound", "object", "integers"])
def test_other_things_than_maps(file, tmp_path, kind):
    with h5py.File(file, "r+") as changed:
        del changed["probability"]
        if kind == "group":
            changed.create_group("probability")
        elif kind == "text":
            changed["probability"] = "text"
        elif kind == "link":
            changed["probability"] = h5py.ExternalLink("/etc/passwd", "/probability")
        elif kind == "soft":
            changed["probability"] = h5py.SoftLink("/probability")
        elif kind == "outside":
            (tmp_path / "secret").write_bytes(bytes(960))
            changed.create_dataset("probability", (5, 8, 12), "float16", external=[(str(tmp_path / "secret"), 0, 960)])
        elif kind == "compound":
            changed.create_dataset("probability", (5, 8, 12), [("a", "f2")], chunks=(1, 8, 12))
        elif kind == "object":
            changed.create_dataset("probability", (5,), h5py.string_dtype(), data=["x"] * 5)
        else:
            changed.create_dataset("probability", (5, 8, 12), "i8", chunks=(1, 8, 12))
    refused(file)


@pytest.mark.parametrize("kept", [0, 1, 8, 100, 600, 1500, 2500])
def test_a_file_that_was_cut(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    refused(file)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" + bytes(500), b"\x80\x02]."])
def test_the_command_tells_it_in_a_line(tmp_path, content, description, capsys):
    (tmp_path / "a.h5").write_bytes(content)
    door = Door(tmp_path, capsys)
    assert "a.h5: not a whole HDF5 file" in door.refuses("refine", "left.json", "a.h5", "--out", "out/m.json")
    status, out, _ = door.run("cache", "verify", "a.h5")
    assert status == 1 and "a.h5: not a whole HDF5 file" in out


TEXTS = ["", "{", "[]", "null", "1", '"x"', "{}", "[" * 5000, "\ufeff{}", '{"frames": 1}', '{"a": ' + "9" * 5000 + "}"]
WRONG = [None, 1, "text", [], {}, [1], [None], ["../../x"], [["a"]], {"a": 1}, [1e300, -1], "\ud800", ["\x00"], 10**30]
KEYS = ["sequence", "root", "frames", "masks", "size", "working_size", "times", "mask_root", "defects"]


@pytest.mark.parametrize("text", TEXTS, ids=lambda t: repr(t)[:20])
def test_a_description_that_is_none(tmp_path, text, capsys):
    (tmp_path / "d.json").write_text(text)
    door = Door(tmp_path, capsys)
    assert "d.json: not a description" in door.refuses("flow", "d.json", "--out", "out/f.h5")
    assert "d.json: not a description" in door.refuses("data", "check", "d.json", "--out", "out/t.tsv")
    assert "d.json: not a description" in door.refuses("overlay", "d.json", "m.json", "--out", "out/v.mp4")


@pytest.mark.parametrize("value", some(WRONG), ids=lambda v: repr(v)[:20])
@pytest.mark.parametrize("key", KEYS)
def test_a_description_of_anything(tmp_path, description, file, key, value, capsys):
    """Whatever it says is done or refused; nothing is written but where the command was told to."""
    told = json.loads(description.read_text())
    description.write_text(json.dumps({**told, key: value}))
    door = Door(tmp_path, capsys)
    for command in (
        (
            "flow",
            "left.json",
            "--out",
            "out/f.h5",
            "--settings",
            "{estimator: dis, preset: ultrafast, backward: false}",
        ),
        ("refine", "left.json", "a.h5", "--out", "out/m.json"),
        ("data", "check", "left.json", "--out", "out/t.tsv"),
    ):
        status, _, err = door.run(*command)
        assert status == 0 or tidy(err.splitlines()[-1]), err
