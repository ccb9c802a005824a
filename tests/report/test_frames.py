"""Pictures: masks come back from their run lengths, pictures keep within their size, motion lands where it was."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from vosmem import cache
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.grid import Grid
from vosmem.report import frames, runs
from vosmem.report.scores import FrameScore
from vosmem.report.shown import choose_frames


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_run_lengths_give_back_the_mask(mask):
    assert (decode(runs.encode(mask), mask.shape) == mask).all()


def decode(text, shape):
    """A mask from its letters, number by number."""
    values = [runs.LETTERS.index(letter) for letter in text]
    numbers = []
    while values:
        number, shift = 0, 0
        while True:
            part = values.pop(0)
            number += (part % 32) << shift
            shift += 5
            if part < 32:
                break
        numbers.append(-(number + 1) // 2 if number % 2 else number // 2)
    lengths = []
    for k, number in enumerate(numbers):
        lengths.append(number + (lengths[k - 2] if k >= 2 else 0))
    flat = [bool(k % 2) for k, length in enumerate(lengths) for _ in range(length)]
    return np.array(flat or [False] * (shape[0] * shape[1])).reshape(shape)


def test_run_lengths_of_an_outline_are_short():
    y, x = np.mgrid[:202, :360]
    assert len(runs.encode(np.hypot(y - 100, x - 180) < 60)) < 350
    assert runs.encode(np.zeros((4, 5), bool)) == ""


@pytest.mark.parametrize(
    ("size", "expected"),
    [((480, 854), (202, 360)), ((854, 480), (360, 202)), ((24, 32), (24, 32)), ((1, 4000), (1, 360))],
)
def test_shown_sizes(size, expected):
    assert frames.shown_size(size) == expected


def test_a_jpeg_shows_the_image():
    image = np.full((20, 30, 3), (200, 120, 40), np.uint8)
    data, quality = frames.jpeg(image)
    back = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(back.astype(int) - image).max() < 12 and quality == frames.QUALITIES[0]


def test_what_does_not_fit_is_a_jpeg_of_less_quality(monkeypatch):
    noise = np.random.default_rng(0).integers(0, 255, (90, 160, 3), np.uint8)
    best, first = frames.jpeg(noise)
    monkeypatch.setattr(frames, "BYTES", 2 * len(best) // 3)
    data, quality = frames.jpeg(noise)
    assert len(data) <= 2 * len(best) // 3 and quality < first
    monkeypatch.setattr(frames, "BYTES", 1)
    assert frames.jpeg(noise)[1] == frames.QUALITIES[-1]  # rather too large than none


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
    (shown,) = frames.motion_maps(path, [3], sequence)
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
        frames.motion_maps(results.folder / "motion/mpnet-dis/cat.h5", [0], other)


@pytest.mark.parametrize(("name", "maps", "value"), [("residual", 8, 0.75), ("sides", 14, 0.75)])
def test_motion_of_several_maps_shows_the_one_that_tells(build, name, maps, value):
    results = build()
    sequence = describe.read(results.folder / "data/cat.json")
    clip, path = sequence.clip, results.folder / "several.h5"
    grid = Grid.of_image((12, 20), clip.frame_size)
    rows = np.zeros((len(clip.frames), maps, *grid.shape), np.float32)
    if name == "residual":
        rows[:, 2] = value  # how long the flow that is left is
    else:
        rows[:, 0] = np.log(value / (1 - value))  # a logit
    with cache.write(path, clip, cache.Maker("motion", 1, name)) as file:
        file.create(name, rows.shape[1:], grid)
        file.append(name, rows)
    (shown,) = frames.motion_maps(path, [5], sequence)
    assert np.abs(shown.astype(int) - round(255 * value)).max() <= 1


def test_frames_are_spread_and_the_worst_is_among_them():
    names = [f"{t:05d}" for t in range(80)]
    scores = [FrameScore(name, 0.1 if name == "00033" else 0.8, 0.5) for name in names[1:-1]]
    assert choose_frames(80, 1, scores, names) == list(range(80))
    assert choose_frames(80, 20, scores, names) == [9, 29, 33, 49, 69]
    assert choose_frames(80, 20, [], names) == [9, 29, 49, 69]
    assert choose_frames(3, 20, [], names[:3]) == [0]
