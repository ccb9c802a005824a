"""Stage flow: direction, sign, units, the last row, bad input."""

import json

import cv2
import numpy as np
import pytest

from vosmem import cache, config
from vosmem.cli import main
from vosmem.data import describe, layout
from vosmem.flow import stage


class Told:
    """An estimator that tells which frames it was given, and counts what it prepared."""

    scale = 1.0

    def __init__(self):
        self.prepared = 0

    def prepare(self, frame):
        self.prepared += 1
        return frame

    def __call__(self, first, second, both):
        return [(first, second), (second, first)][: 1 + both]


def test_fields_pair_neighbours_and_the_ends_look_the_other_way():
    told = Told()
    rows = list(stage.fields(iter("abcd"), told, backward=True))
    forward, backward = zip(*rows, strict=True)
    assert forward == (("a", "b"), ("b", "c"), ("c", "d"), ("d", "c"))
    assert backward == (("a", "b"), ("b", "a"), ("c", "b"), ("d", "c"))
    assert told.prepared == 4
    assert list(stage.fields(iter("abcd"), Told(), backward=False)) == [(pair,) for pair in forward]


def test_a_reversed_clip_swaps_the_directions():
    there = list(stage.fields("abcd", Told(), True))
    back = list(stage.fields("dcba", Told(), True))
    assert back == [(backward, forward) for forward, backward in reversed(there)]


@pytest.mark.parametrize("backward", [False, True])
def test_one_frame_is_compared_with_itself_and_none_gives_none(backward):
    assert list(stage.fields("a", Told(), backward)) == [(("a", "a"),) * (1 + backward)]
    assert list(stage.fields("", Told(), backward)) == []


def test_two_frames_are_held_at_a_time():
    """What an estimator keeps of a frame is large, so a clip's length must not matter."""
    import weakref

    class Frame:
        pass

    alive = weakref.WeakSet()

    class Held(Told):
        def prepare(self, frame):
            alive.add(frame)
            return frame

        def __call__(self, first, second, both):
            return [0, 0][: 1 + both]

    most = 0
    for _ in stage.fields((Frame() for _ in range(9)), Held(), True):
        most = max(most, len(alive))
    assert most <= 3  # the two, and the one that made way just now


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
    place = layout.Place(tmp_path / "set", "folder")
    describe.write(path, describe.describe(place, "pan", 64, False, tmp_path / "made"))
    return path


def test_the_file_holds_u_right_v_down_in_working_pixels(panning, tmp_path):
    out = tmp_path / "pan.h5"
    assert stage.run(panning, out, "dis", config.section_defaults("flow")) == 6
    with cache.read(out, "flow") as file:
        flow = file.rows("forward").astype(float)
        assert flow.shape == (6, 2, 64, 96)
        assert file.grid("forward").stride == (1, 1)
        assert file.grid("forward").offset == (0, 0)
        assert file.maker.parameters == {"preset": "medium", "last_row": "T-1 -> T-2", "first_row": "0 -> 1"}
        back = file.rows("backward").astype(float)
        assert back.shape == (6, 2, 64, 96)
    middle = np.median(flow[:, :, 16:48, 24:72], axis=(2, 3))
    np.testing.assert_allclose(middle, [[3, 2]] * 5 + [[-3, -2]], atol=0.3)
    middle = np.median(back[:, :, 16:48, 24:72], axis=(2, 3))
    np.testing.assert_allclose(middle, [[3, 2]] + [[-3, -2]] * 5, atol=0.3)


def test_backward_can_be_left_out(panning, tmp_path):
    stage.run(panning, tmp_path / "both.h5", "dis", config.section_defaults("flow"))
    stage.run(panning, tmp_path / "one.h5", "dis", config.section_defaults("flow", {"backward": False}))
    with cache.read(tmp_path / "both.h5") as both, cache.read(tmp_path / "one.h5") as one:
        assert one.names == ["forward"]
        assert one.maker.parameters == {"preset": "medium", "last_row": "T-1 -> T-2"}
        np.testing.assert_array_equal(one.rows("forward"), both.rows("forward"))


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
    assert (
        main(["flow", str(panning), "-o", str(tmp_path / "a.h5"), "--settings", "{estimator: dis, preset: fast}"]) == 0
    )
    assert "6 frames" in capsys.readouterr().err
    assert main(["flow", str(panning), "-o", str(tmp_path / "b.h5"), "--settings", "{preset: slow}"]) == 1
    assert "config: flow.preset: got 'slow', expected one of ultrafast, fast, medium" in capsys.readouterr().err
    assert main(["flow", str(tmp_path / "none.json"), "-o", str(tmp_path / "b.h5")]) == 1
    assert "none.json: no such file" in capsys.readouterr().err
    assert not (tmp_path / "b.h5").exists()
