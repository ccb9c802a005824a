"""Stage flow: direction, sign, units, the last row, bad input."""

import json

import cv2
import numpy as np
import pytest

from vosmem import cache, config
from vosmem.cli import main
from vosmem.data import describe
from vosmem.flow import stage


def test_fields_pair_neighbours_and_the_last_looks_back():
    frames = [np.full((2, 2, 3), t, np.uint8) for t in range(3)]
    pairs = [
        f[:, 0, 0].tolist() for f in stage.fields(frames, lambda a, b: np.stack([a[..., 0], b[..., 0]]).astype(float))
    ]
    assert pairs == [[0, 1], [1, 2], [2, 1]]


def test_one_frame_is_compared_with_itself_and_none_gives_none():
    frame = np.zeros((2, 2, 3), np.uint8)
    assert len(list(stage.fields([frame], lambda a, b: a.max() + b.max()))) == 1
    assert list(stage.fields([], None)) == []


@pytest.fixture
def panning(tmp_path):
    """Six frames of 64 x 96 in which everything moves 3 px right and 2 px down a frame."""
    rng = np.random.default_rng(0)
    scene = cv2.GaussianBlur(rng.integers(0, 255, (120, 160, 3), np.uint8), (0, 0), 2)
    scene = cv2.normalize(scene, None, 0, 255, cv2.NORM_MINMAX)
    folder = tmp_path / "set" / "pan"
    folder.mkdir(parents=True)
    for t in range(6):
        cv2.imwrite(str(folder / f"{t}.png"), scene[40 - 2 * t : 104 - 2 * t, 40 - 3 * t : 136 - 3 * t])
    path = tmp_path / "pan.json"
    describe.write(path, describe.describe(tmp_path / "set", "folder", "", "pan", 64, False))
    return path


def test_the_file_holds_u_right_v_down_in_working_pixels(panning, tmp_path):
    out = tmp_path / "pan.h5"
    assert stage.run(panning, out, "dis", config.section_defaults("flow")) == 6
    with cache.read(out, "flow") as file:
        flow = file.rows("forward").astype(float)
        assert flow.shape == (6, 2, 64, 96)
        assert file.grid("forward").stride == (1, 1)
        assert file.grid("forward").offset == (0, 0)
        assert file.maker.parameters == {"preset": "medium", "last_row": "T-1 -> T-2"}
    middle = np.median(flow[:, :, 16:48, 24:72], axis=(2, 3))
    np.testing.assert_allclose(middle, [[3, 2]] * 5 + [[-3, -2]], atol=0.3)


def test_flow_is_in_pixels_of_the_working_frame(panning, tmp_path):
    told = json.loads(panning.read_text())
    told["working_size"] = [128, 192]
    panning.write_text(json.dumps(told))
    stage.run(panning, tmp_path / "pan.h5", "dis", config.section_defaults("flow"))
    with cache.read(tmp_path / "pan.h5") as file:
        np.testing.assert_allclose(
            np.median(file.rows("forward", 0, 1)[0, :, 32:96, 48:144].astype(float), axis=(1, 2)), [6, 4], atol=0.6
        )


def test_command(panning, tmp_path, capsys):
    assert main(["flow", str(panning), "-o", str(tmp_path / "a.h5"), "--settings", "{preset: fast}"]) == 0
    assert "6 frames" in capsys.readouterr().err
    assert main(["flow", str(panning), "-o", str(tmp_path / "b.h5"), "--settings", "{preset: slow}"]) == 1
    assert "config: flow.preset: got 'slow', expected one of ultrafast, fast, medium" in capsys.readouterr().err
    assert main(["flow", str(tmp_path / "none.json"), "-o", str(tmp_path / "b.h5")]) == 1
    assert "none.json: no such file" in capsys.readouterr().err
    assert not (tmp_path / "b.h5").exists()
