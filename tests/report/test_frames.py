"""Pictures: masks become outlines that cover them, motion lands where it was."""

import base64
import re

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from vosmem import cache
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.grid import Grid
from vosmem.report import frames
from vosmem.report.scores import FrameScore
from vosmem.report.shown import choose_frames


def polygons(path):
    """The vertices of each subpath, in pixels with centres at integers."""
    for part in re.findall(r"M[^z]+z", path):
        x, y, *steps = (float(v) for v in re.findall(r"-?[\d.]+", part))
        yield np.cumsum(np.array([(x - 0.5, y - 0.5), *zip(steps[::2], steps[1::2], strict=True)]), axis=0)


def painted(path, shape):
    """The path filled by the even-odd rule and stroked, as a browser would."""
    corners = [np.round(p).astype(np.int32) for p in polygons(path)]
    image = np.zeros(shape, np.uint8)
    cv2.fillPoly(image, corners, 1)
    cv2.polylines(image, corners, True, 1)
    return image.astype(bool)


@settings(max_examples=60, deadline=None)
@given(arrays(bool, (9, 13)))
def test_an_outline_that_is_not_simplified_is_the_mask(mask):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "TOLERANCE", 0)
        assert (painted(frames.outline(mask), mask.shape) == mask).all()


def test_a_ring_keeps_its_hole():
    y, x = np.mgrid[:60, :60]
    distance = np.hypot(y - 30, x - 30)
    ring = (distance < 25) & (distance > 12)
    inside = painted(frames.outline(ring), ring.shape)
    assert (inside & ring).sum() / (inside | ring).sum() > 0.95
    assert not inside[30, 30]


def test_an_empty_mask_has_an_empty_outline():
    assert frames.outline(np.zeros((4, 5), bool)) == ""


@pytest.mark.parametrize(
    ("size", "expected"),
    [((480, 854), (225, 400)), ((854, 480), (400, 225)), ((24, 32), (24, 32)), ((1, 4000), (1, 400))],
)
def test_shown_sizes(size, expected):
    assert frames.shown_size(size) == expected


def test_a_jpeg_shows_the_image():
    image = np.full((20, 30, 3), (200, 120, 40), np.uint8)
    head, data = frames.jpeg(image).split(",")
    assert head == "data:image/jpeg;base64"
    back = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(back.astype(int) - image).max() < 12


def test_motion_lies_where_it_was_found(build):
    results = build()
    sequence = describe.read(results.folder / "data/cat.json")
    clip, path = sequence.clip, results.folder / "edge.h5"
    grid = Grid.of_image((16, 26), clip.frame_size)
    maps = np.zeros((len(clip.frames), *grid.shape), np.float32)
    edge = 40  # pixel of the working frame
    maps[:, :, grid.x.centres() > edge] = 1
    with cache.write(path, clip, cache.Maker("motion", cache.stage_version("motion"), "mpnet")) as file:
        file.create("probability", grid.shape, grid)
        file.append("probability", maps)
    shown = frames.motion_map(path, 3, sequence, (48, 80))
    assert shown.shape == (48, 80) and shown.dtype == np.uint8
    crossing = np.interp(127.5, shown[20].astype(float), np.arange(80))  # in shown pixels
    expected = grid.x.centres()
    expected = (expected[expected <= edge].max() + expected[expected > edge].min()) / 2
    stride = clip.frame_size[1] / 80
    assert stride * (crossing + 0.5) - 0.5 == pytest.approx(expected, abs=0.1 * grid.x.stride)


def test_motion_of_other_frames_is_refused(build):
    results = build()
    cat = describe.read(results.folder / "data/cat.json")
    other = describe.Sequence("cat", cat.root, cat.frames[:-1], cat.masks[:-1], cat.size, cat.working_size)
    with pytest.raises(UserError, match="other frames"):
        frames.motion_map(results.folder / "motion/mpnet-dis/cat.h5", 0, other, (48, 80))


def test_frames_are_spread_and_the_worst_is_among_them():
    names = [f"{t:05d}" for t in range(80)]
    scores = [FrameScore(name, 0.1 if name == "00033" else 0.8, 0.5) for name in names[1:-1]]
    chosen = choose_frames(80, scores, names)
    assert len(chosen) == 4 and 33 in chosen and chosen == sorted(chosen)
    assert choose_frames(80, [], names) == [10, 30, 50, 70]
    assert choose_frames(3, [], names[:3]) == [0, 1, 2]
