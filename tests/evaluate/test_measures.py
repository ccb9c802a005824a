"""J and F against plain references written from the definition, and the official figures of FSEG's masks."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosmem import video
from vosmem.data import layout
from vosmem.evaluate import measures


def plain_boundary(mask):
    height, width = mask.shape
    out = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            right, down = min(x + 1, width - 1), min(y + 1, height - 1)
            if (y, x) == (height - 1, width - 1):
                continue
            neighbours = [mask[y, right], mask[down, x], mask[down, right]]
            if y == height - 1:
                neighbours = [mask[y, right]]
            elif x == width - 1:
                neighbours = [mask[down, x]]
            out[y, x] = any(n != mask[y, x] for n in neighbours)
    return out


def plain_f(mask, annotation):
    ours, theirs = (np.argwhere(plain_boundary(m)) for m in (mask, annotation))
    if not len(ours) or not len(theirs):
        return float(len(ours) == len(theirs))
    radius = math.ceil(0.008 * math.sqrt(mask.shape[0] ** 2 + mask.shape[1] ** 2))
    squared = ((ours[:, None] - theirs[None]) ** 2).sum(2)
    precision = (squared.min(1) <= radius**2).mean()
    recall = (squared.min(0) <= radius**2).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def blobs(seed, size):
    """Two masks that agree more or less: blobs, thin lines, single pixels, full and empty ones."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    pair = []
    for _ in range(2):
        kind = rng.integers(6)
        mask = np.zeros(size, bool)
        if kind < 3:
            for _ in range(kind + 1):
                cy, cx, r = rng.random(3) * (size[0], size[1], min(size) / 2)
                mask |= (y - cy) ** 2 + (x - cx) ** 2 < r**2
        elif kind == 3:
            mask[rng.integers(size[0])] = True
        elif kind == 4:
            mask[rng.integers(size[0]), rng.integers(size[1])] = True
        elif rng.random() < 0.5:
            mask[:] = True
        pair.append(mask)
    return pair


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.tuples(st.integers(2, 40), st.integers(2, 50)))
def test_boundaries_and_f_are_those_of_the_definition(seed, size):
    mask, annotation = blobs(seed, size)
    np.testing.assert_array_equal(measures.boundary(mask), plain_boundary(mask))
    assert measures.contour_accuracy(mask, annotation) == pytest.approx(plain_f(mask, annotation), abs=1e-12)


@given(st.integers(0, 10**6))
def test_measures_are_bounded_and_perfect_for_equal_masks(seed):
    mask, annotation = blobs(seed, (20, 31))
    for measure in (measures.region_similarity, measures.contour_accuracy):
        assert 0 <= measure(mask, annotation) <= 1
        assert measure(mask, mask) == 1


def test_matching_reaches_exactly_the_radius():
    """A frame of 480 x 854 has radius 8: a pixel 8 away counts, one 8.06 away does not."""
    annotation, near, far = np.zeros((3, 480, 854), bool)
    annotation[100:, :] = True  # its boundary is row 99
    near[108:, :] = True
    far[109:, :] = True
    assert measures.contour_accuracy(near, annotation) == 1
    assert measures.contour_accuracy(far, annotation) == 0


def test_one_empty_mask():
    mask = np.zeros((9, 9), bool)
    mask[3:5, 3:5] = True
    empty = np.zeros_like(mask)
    assert measures.region_similarity(mask, empty) == 0
    assert measures.contour_accuracy(mask, empty) == 0
    assert measures.region_similarity(empty, empty) == measures.contour_accuracy(empty, empty) == 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 1, 0, 0], (0.5, 0.5, 1)),  # ids 0 1 2 2 3: mean of 0..1 minus mean of 2..3
        ([0.9, 0.8, 0.7, 0.6, 0.5], (0.7, 0.8, 0.3)),  # ids 0 1 2 3 4; 0.5 is not above 0.5
        ([0.4], (0.4, 0, 0)),
        ([math.nan, 1, math.nan], (1, 1, 0)),
    ],
)
def test_statistics(values, expected):
    values = np.array(values, float)
    got = measures.mean(values), measures.recall(values), measures.decay(values)
    assert got == pytest.approx(expected)


def test_no_scored_frame_gives_no_figure():
    for statistic in (measures.mean, measures.recall, measures.decay):
        assert math.isnan(statistic(np.array([math.nan])))


def test_long_sequences_do_not_overflow():
    values = np.linspace(1, 0, 4001)
    assert measures.decay(values) == pytest.approx(0.75, abs=1e-3)


@pytest.mark.parametrize("name", ["bmx-bumps", "surf"])  # empty annotations are in both
def test_fseg_frame_by_frame(davis2016, fseg, name):
    official = json.loads((fseg / "fseg_per_frame.json").read_text())[name]
    truth = layout.images(davis2016 / "Annotations/480p" / name)[1:-1]
    assert len(truth) == len(official["J"])
    for path, j, f in list(zip(truth, official["J"], official["F"], strict=True))[::3]:
        mask, annotation = video.read_mask(fseg / "fseg" / name / path.name), video.read_mask(path)
        assert measures.region_similarity(mask, annotation) == pytest.approx(float(j), abs=5.01e-4)
        assert measures.contour_accuracy(mask, annotation) == pytest.approx(float(f), abs=5.01e-4)
