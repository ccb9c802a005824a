"""The folder: DAVIS layout, the same bytes every time, and other people's files left alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from vosmem import demo
from vosmem.demo import folder
from vosmem.errors import UserError

NAMES = ["water", "roll-in-wind"]
SIZE, FRAMES = (64, 112), 3


def _hash(root: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        total.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return total.hexdigest()


@pytest.fixture(scope="module")
def rendered(tmp_path_factory) -> Path:
    return demo.render(tmp_path_factory.mktemp("demo") / "set", sequences=NAMES, size=SIZE, frames=FRAMES)


def test_layout(rendered):
    assert {p.name for p in rendered.iterdir()} == {"JPEGImages", "Annotations", "ImageSets", "Flow", "demo.json"}
    for name in NAMES:
        frames = sorted((rendered / "JPEGImages/480p" / name).iterdir())
        masks = sorted((rendered / "Annotations/480p" / name).iterdir())
        assert [p.name for p in frames] == ["00000.jpg", "00001.jpg", "00002.jpg"]
        assert [p.name for p in masks] == ["00000.png", "00001.png", "00002.png"]
        assert cv2.imread(str(frames[0])).shape == (*SIZE, 3)
        mask = cv2.imread(str(masks[0]), cv2.IMREAD_UNCHANGED)
        assert mask.shape == SIZE and mask.dtype == np.uint8
        assert set(np.unique(mask)) == {0, 255}
    assert not [p for p in rendered.parent.iterdir() if p != rendered]  # no temporary folder stays


def test_lists_are_those_of_davis(rendered):
    train = (rendered / "ImageSets/480p/train.txt").read_text().splitlines()
    val = (rendered / "ImageSets/480p/val.txt").read_text().splitlines()
    assert train[0] == "/JPEGImages/480p/water/00000.jpg /Annotations/480p/water/00000.png"
    assert len(train) == len(val) == FRAMES
    assert not {line.split("/")[3] for line in train} & {line.split("/")[3] for line in val}
    for path in " ".join(train + val).split():
        assert (rendered / path[1:]).is_file()


def test_masks_and_flow_are_those_of_the_scene(rendered, scene):
    story = scene("water")
    with np.load(rendered / "Flow/480p/water.npz") as file:
        assert file.files == ["forward"]
        flow = file["forward"]
    assert flow.shape == (FRAMES - 1, 2, *SIZE) and flow.dtype == np.float16
    picture, owner = story.paint(0.5, SIZE)
    assert np.allclose(flow[1], story.flow(owner, 0.5, 1.0), rtol=2**-10, atol=1e-3)
    mask = cv2.imread(str(rendered / "Annotations/480p/water/00001.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(mask > 0, owner == story.target)
    frame = cv2.imread(str(rendered / "JPEGImages/480p/water/00001.jpg"))[..., ::-1]
    error = frame - picture
    assert np.abs(error.mean(axis=(0, 1))).max() < 2 and 1 < error.std() < 10  # red is red; noise, and JPEG's loss


def test_the_same_bytes_again_in_another_process_and_with_other_threads(rendered, tmp_path):
    again = demo.render(tmp_path / "again", sequences=reversed(NAMES), size=SIZE, frames=FRAMES)
    assert _hash(again) == _hash(rendered)
    code = f"from vosmem import demo; demo.render({str(tmp_path / 'other')!r}, 0, {NAMES}, {SIZE}, {FRAMES})"
    threads = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1", "OPENCV_IPP": "disabled", "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **threads})
    assert _hash(tmp_path / "other") == _hash(rendered)


def test_the_seed_draws_other_pictures_of_the_same_story(rendered, tmp_path):
    other = demo.render(tmp_path / "set", seed=1, sequences=["water"], size=SIZE, frames=FRAMES)
    first, second = (cv2.imread(str(root / "JPEGImages/480p/water/00000.jpg")) for root in (rendered, other))
    assert np.abs(first.astype(int) - second).mean() > 4
    assert json.loads((other / "demo.json").read_text())["seed"] == 1


def test_an_own_folder_is_replaced_whole(tmp_path, monkeypatch, scene):
    monkeypatch.setattr(folder, "build_scene", lambda name, seed: scene(name))
    root = demo.render(tmp_path / "set", sequences=["water"], size=SIZE, frames=2)
    demo.render(root, sequences=["roll-in-wind"], size=SIZE, frames=2)
    assert [p.name for p in (root / "JPEGImages/480p").iterdir()] == ["roll-in-wind"]
    (tmp_path / "empty").mkdir()
    demo.render(tmp_path / "empty", sequences=["water"], size=SIZE, frames=2)


@pytest.mark.parametrize("kind", ["folder", "file", "link", "own-with-more"])
def test_what_others_made_is_left_alone(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(folder, "build_scene", lambda *_: pytest.fail("must not render"))
    root, note = tmp_path / "set", tmp_path / "set" / "thesis.txt"
    if kind == "file":
        root.write_text("dear")
    elif kind == "link":
        (tmp_path / "elsewhere").mkdir()
        root.symlink_to(tmp_path / "elsewhere")
    else:
        root.mkdir()
        note.write_text("dear")
        if kind == "own-with-more":
            (root / "demo.json").write_text("{}")
    with pytest.raises(UserError, match=str(root)):
        demo.render(root)
    assert root.is_symlink() or (root if kind == "file" else note).read_text() == "dear"


def test_a_failure_leaves_the_old_folder_and_no_temporary_one(tmp_path, monkeypatch, scene):
    monkeypatch.setattr(folder, "build_scene", lambda name, seed: scene(name))
    root = demo.render(tmp_path / "set", sequences=["water"], size=SIZE, frames=2)
    before = _hash(root)

    def fails(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "build_scene", fails)
    with pytest.raises(KeyboardInterrupt):
        demo.render(root)
    assert _hash(root) == before
    assert list(tmp_path.iterdir()) == [root]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"sequences": ["water", "fire"]}, "fire"),
        ({"sequences": []}, "choose from stop-and-go"),
        ({"seed": -1}, "seed"),
        ({"frames": 1}, "2"),
        ({"size": (16, 432)}, "16 x 432"),
    ],
)
def test_bad_arguments(tmp_path, arguments, word):
    with pytest.raises(UserError, match=word):
        demo.render(tmp_path / "set", **arguments)
    assert not list(tmp_path.iterdir())
