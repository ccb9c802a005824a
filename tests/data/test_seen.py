"""A sequence's files stay what they are as long as their bytes do, and not a moment longer."""

import json
import os
import shutil

import pytest

from vosmem.cli import main
from vosmem.data import layout, seen


@pytest.fixture
def looked(tiny_davis, tmp_path):
    """``looked()``: the identity of sequence left now, and whether its content would be read for it."""
    place, out = layout.Place(tiny_davis), tmp_path / "data/left.json"
    out.parent.mkdir()

    class Looked:
        frames = tiny_davis / "JPEGImages/480p/left"
        description = out

        def __call__(self):
            return json.dumps(seen.identity(out, layout.sources(place, "left")))

        def describe(self):
            arguments = ["data", "describe", "left", "--root", tiny_davis, "--short-side", "64", "-o", out]
            assert main([str(a) for a in arguments]) == 0

    return Looked()


def replaced_alike(path):
    """Other bytes, as many, of the same time."""
    content, before = bytearray(path.read_bytes()), path.stat()
    content[-3] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def touched(frames):
    os.utime(frames / "00001.jpg")


def copied(frames):
    """As a copy to another disk is, whether it keeps times or not."""
    for keep in (shutil.copy2, shutil.copy):
        shutil.copytree(frames, frames.with_name("other"), copy_function=keep)
        shutil.rmtree(frames)
        frames.with_name("other").rename(frames)


def owned(frames):
    (frames / "00001.jpg").chmod(0o600)


def test_what_was_touched_is_read_once(looked, monkeypatch):
    looked.describe()
    touched(looked.frames)
    content, read = seen.content, []
    monkeypatch.setattr(seen, "content", lambda parts: read.append(1) or content(parts))
    assert looked() == looked() == looked()
    assert read == [1]


def test_names_that_are_no_unicode(looked):
    for path in sorted(looked.frames.iterdir()) + sorted((looked.frames / "../../../Annotations/480p/left").iterdir()):
        path.rename(path.with_name(f"b\udce9{path.name}"))  # the byte 0xe9
    looked.describe()
    first = looked()
    os.utime(next(looked.frames.iterdir()))
    assert looked() == first


def test_before_the_first_look_it_is_the_fingerprint(looked):
    parts = json.loads(looked())
    assert [part["count"] for part in parts] == [5, 5]


@pytest.mark.parametrize("harmless", [touched, copied, owned])
def test_the_same_bytes_are_the_same_files(looked, harmless):
    first = looked()
    looked.describe()
    assert looked() == first
    harmless(looked.frames)
    assert looked() == first
    looked.describe()
    assert looked() == first


CHANGES = {
    "replaced by another of the same size and time": lambda frames: replaced_alike(frames / "00002.jpg"),
    "replaced by another of the same size": lambda frames: (
        replaced_alike(frames / "00002.jpg"),
        os.utime(frames / "00002.jpg"),
    ),
    "removed": lambda frames: (frames / "00004.jpg").unlink(),
    "added": lambda frames: shutil.copy(frames / "00004.jpg", frames / "00005.jpg"),
    "renamed": lambda frames: (frames / "00004.jpg").rename(frames / "00009.jpg"),
    "exchanged": lambda frames: (
        (frames / "00001.jpg").rename(frames / "x"),
        (frames / "00002.jpg").rename(frames / "00001.jpg"),
        (frames / "x").rename(frames / "00002.jpg"),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_bytes_are_other_files(looked, change):
    first = looked()
    looked.describe()
    described = looked.description.read_text()
    for _ in range(2):
        before = looked()
        CHANGES[change](looked.frames) if before == first else replaced_alike(looked.frames / "00000.jpg")
        after = looked()
        assert after != before
        looked.describe()
        assert looked() == after, "a second run would have nothing to do"
        assert looked.description.read_text() != described
        described = looked.description.read_text()


def test_unchanged_files_are_not_read(looked, monkeypatch):
    looked.describe()
    monkeypatch.setattr(seen, "content", None)
    looked()


def test_a_note_that_is_spoilt_is_none(looked):
    first = looked()
    looked.describe()
    for content in ("", "[]", "{}"):
        looked.description.with_name(".left.seen").write_text(content)
        assert looked() == first
