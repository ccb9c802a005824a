"""`vosmem overlay`: one sequence's masks over its frames, and what it says of what does not belong together."""

import json

import numpy as np
import pytest

from vosmem import video, videofile
from vosmem.cli import main

pytest.importorskip("av", reason="needs the extra `video`")


@pytest.fixture
def folder(tmp_path):
    """The sequence ``a``, three grey frames, and masks of its left half."""
    described = {
        "sequence": "a", "root": str(tmp_path), "frames": [f"{t}.png" for t in range(3)], "masks": [None] * 3,
        "size": [64, 96], "working_size": [64, 96], "defects": [],
    }  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(described))
    (tmp_path / "masks").mkdir()
    for name in described["frames"]:
        video.write_frame(tmp_path / name, np.full((64, 96, 3), 90, np.uint8))
        video.write_mask(tmp_path / "masks" / name, np.arange(96) < np.full((64, 1), 48))
    (tmp_path / "masks.json").write_text(json.dumps({"sequence": "a", "masks": dict.fromkeys(described["frames"], "")}))
    return tmp_path


def overlay(folder, masks="masks.json", out="out.mp4"):
    return main(["overlay", str(folder / "a.json"), str(folder / masks), "-o", str(folder / out)])


def test_the_object_is_tinted(folder):
    assert overlay(folder) == 0
    shown = [frame.astype(int) for _, frame in videofile.read(folder / "out.mp4")]
    assert len(shown) == 3
    for frame in shown:
        left, right = frame[20:40, 10:30].mean((0, 1)), frame[20:40, 60:80].mean((0, 1))
        assert np.ptp(left) > 50 and np.ptp(right) < 10


@pytest.mark.parametrize("name", ["out", "out.txt", "out.avi"])
def test_what_is_no_name_of_a_video_is_told_first(folder, capsys, name):
    assert overlay(folder, out=name) == 1
    told = capsys.readouterr().err
    assert told == f"vosmem overlay: {folder / name}: expected the name of a video to write, which ends in .mp4\n"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            {"sequence": "b", "masks": {"0.png": "", "1.png": "", "2.png": ""}},
            "is of 3 frames of b, expected 3 of a; gi",
        ),
        ({"sequence": "a", "masks": {"0.png": ""}}, "is of 1 frames of a, expected 3 of a; give the masks of that"),
        ({"sequence": "a"}, "does not tell of masks; give the JSON that `vosmem refine` wrote"),
        ("no JSON", "does not tell of masks"),
    ],
)
def test_masks_of_other_frames_are_told(folder, capsys, told, message):
    (folder / "other.json").write_text(told if isinstance(told, str) else json.dumps(told))
    assert overlay(folder, "other.json") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"vosmem overlay: {folder / 'other.json'}: {message}")
    assert not (folder / "out.mp4").exists()
