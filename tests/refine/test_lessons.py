"""What the closer look learns from: which frames, what is right in them, and how much they count."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosmem import cache, config
from vosmem.grid import Axis, Grid
from vosmem.refine import lessons, zoom
from vosmem.refine.look import SIDES

SIZE, GRID = (48, 64), Grid(Axis(6, 8, 0), Axis(8, 8, 0))


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=50))
def test_no_more_frames_than_may_be(lengths):
    step = lessons.apart(lengths)
    assert step >= lessons.EVERY
    assert sum(lengths) / step <= lessons.MOST
    assert step == lessons.EVERY or sum(lengths) / (step - 1) > lessons.MOST


def write(folder, length, without=(), masks=None):
    """A sequence in which a disk moves, and predictions in which it is found but in those ``without`` an object.

    ``masks``: the frames that have one; None: all.
    """
    names = [f"{t:05d}" for t in range(length)]
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    clip = cache.Clip("s", tuple(names), SIZE)
    with cache.write(
        folder / "s.h5", clip, cache.Maker("memory", cache.stage_version("memory"), "visual-memory")
    ) as file:
        file.create("probability", GRID.shape, GRID)
        for t in range(length):
            disk = (x - 20 - t % 24) ** 2 + (y - 24) ** 2 < (6 + t // 10) ** 2
            cv2.imwrite(str(folder / f"{names[t]}.jpg"), np.repeat(disk[..., None] * np.uint8(200), 3, 2))
            cv2.imwrite(str(folder / f"{names[t]}.png"), disk * np.uint8(255))
            file.append("probability", 0.9 * disk[None, ::8, ::8] * (t not in without) + 0.05)
    told = {
        "sequence": "s", "root": str(folder), "frames": [f"{n}.jpg" for n in names],
        "masks": [f"{n}.png" if masks is None or t in masks else None for t, n in enumerate(names)],
        "size": list(SIZE), "working_size": list(SIZE), "defects": [],
    }  # fmt: skip
    (folder / "s.json").write_text(json.dumps(told))
    return folder


def see(pixels):
    """As a network: sides that know what is bright, and two maps."""
    bright = cv2.resize(pixels[..., 0], zoom.INPUT, interpolation=cv2.INTER_LINEAR).astype(np.float32) / 100 - 1
    return {
        SIDES: np.stack([(i + 1) * bright for i in range(6)]),
        "stage1d": np.repeat(bright[None], 64, 0),
        "stage2d": np.repeat(bright[None, ::2, ::2], 64, 0),
    }


def watch(folder, step=lessons.EVERY):
    settings = config.section_defaults("refine", {"zoom": {"agreement": [0, 1]}, "votes": {"weight": 0}})
    return lessons.watch(folder / "s.json", folder / "s.h5", None, [], settings, see, step)


@pytest.mark.parametrize(
    ("masks", "step", "expected"),
    [
        (range(30), 8, [4, 12, 20, 28]),
        (range(30), 3, [1, 4, 7, 10, 13, 16, 19, 22, 25, 28]),
        ({*range(30)} - {12}, 8, [4, 13, 21, 29]),
        (range(0, 30, 10), 8, [0, 10, 20]),  # further apart than that
        (range(0, 30, 5), 8, [5, 15, 25]),
        ([29], 8, [29]),
        ([], 8, []),
    ],
)
def test_some_of_the_frames_with_masks(tmp_path, masks, step, expected):
    assert [frame.seen.t for frame in watch(write(tmp_path, 30, masks=masks), step).frames] == expected


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_a_short_sequence_has_one(tmp_path, length):
    assert [frame.seen.t for frame in watch(write(tmp_path, length)).frames] == [length // 2]


def test_a_frame_in_which_nothing_was_found_teaches_nothing(tmp_path):
    watched = watch(write(tmp_path, 24, without=(4,)))
    assert [frame.seen.window is None for frame in watched.frames] == [True, False, False]
    assert len(watched.samples()) == len(watched.lessons()) == 2
    none = watch(write(tmp_path, 3, without=(0, 1, 2)))
    assert (none.samples(), none.lessons(), none.frames[0].share) == ([], [], 0)


def test_what_is_right_is_the_mask_s_share_of_each_cell(tmp_path):
    watched = watch(write(tmp_path, 9))
    (frame,), fine = watched.frames, zoom.fine_grid(SIZE)
    ((x, y, share),), (lesson,) = watched.samples(), watched.lessons()
    rows, columns = frame.seen.window
    blocks = frame.mask.reshape(24, 2, 32, 2).mean((1, 3))
    inputs, inside = zoom.evidence(frame.seen, GRID, fine)
    np.testing.assert_allclose(y, blocks[inside].ravel()[:: lessons.THINNED], atol=1e-6)
    np.testing.assert_allclose(x, inputs.reshape(8, -1).T[:: lessons.THINNED])
    assert lesson.truth.shape == lesson.logits.shape == (320, 320) == lesson.sides.shape[1:]
    assert lesson.truth.astype(float).mean() == pytest.approx(frame.mask[rows, columns].mean(), abs=0.01)
    right = (lesson.truth > 0.5) == (lesson.maps[0][0] > 0)  # the network of this test knows what is bright
    assert right.mean() > 0.98
    assert share == lesson.share == frame.share
    assert frame.share == pytest.approx(frame.seen.agreement)


def test_the_agreement_is_that_of_the_frames_near(tmp_path):
    watched = watch(write(tmp_path, 80), 10)
    known = [frame.seen.agreement for frame in watched.frames]
    assert np.ptp(known) > 0.02
    for i, frame in enumerate(watched.frames):
        near = [a for k, a in enumerate(known) if abs(k - i) <= 2 and not np.isnan(a)]
        assert frame.share == pytest.approx(np.mean(near))
