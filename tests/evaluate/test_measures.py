"""J and F against plain references written from the definition; the statistics on numbers worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vosmem.evaluate
from tests.evaluate import plain
from vosmem import bits
from vosmem.evaluate import measures, statistics

sizes = st.tuples(st.integers(1, 40), st.integers(1, 140))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), sizes)
def test_j_and_f_are_those_of_the_definition(seed, size):
    mask, annotation = plain.blobs(seed, size)
    assert vosmem.evaluate.region_similarity(mask, annotation) == plain.jaccard(mask, annotation)
    assert vosmem.evaluate.contour_accuracy(mask, annotation) == pytest.approx(
        plain.f_measure(mask, annotation), abs=1e-12
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.tuples(st.integers(1, 30), st.integers(1, 200)), st.integers(1, 70))
def test_any_tolerance_in_pixels(seed, size, radius):
    mask, annotation = plain.blobs(seed, size)
    got = measures.contour_accuracy(mask, annotation, tolerance=radius)
    assert got == pytest.approx(plain.f_measure(mask, annotation, radius), abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), sizes)
def test_bits_hold_the_mask_and_its_boundary(seed, size):
    for mask in plain.blobs(seed, size):
        packed = bits.pack(mask)
        np.testing.assert_array_equal(bits.unpack(packed, size[1]), mask)
        assert bits.count(packed) == mask.sum()
        boundary = bits.boundary(packed, size[1])
        np.testing.assert_array_equal(bits.unpack(boundary, size[1]), plain.boundary(mask))
        assert bits.count(boundary) == plain.boundary(mask).sum()  # nothing beyond the last column


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.tuples(st.integers(1, 20), st.integers(1, 200)), st.integers(0, 70))
def test_dilation_reaches_every_pixel_of_the_disk_and_no_other(seed, size, radius):
    mask = np.random.default_rng(seed).random(size) < 0.01
    y, x = np.mgrid[: size[0], : size[1]]
    expected = np.zeros(size, bool)
    for cy, cx in np.argwhere(mask):
        expected |= (y - cy) ** 2 + (x - cx) ** 2 <= radius**2
    np.testing.assert_array_equal(bits.unpack(bits.dilate(bits.pack(mask), radius), size[1]), expected)


def test_arrays_of_frames_and_single_ones_agree():
    rng = np.random.default_rng(0)
    masks, annotations = rng.random((2, 3, 20, 31)) < 0.5
    for measure in (measures.region_similarity, measures.contour_accuracy):
        values = measure(masks, annotations)
        assert values.shape == (3,) and values.dtype == np.float64
        assert values.tolist() == [measure(m, a) for m, a in zip(masks, annotations, strict=True)]
        assert measure(masks * 7, annotations.astype(np.uint8) * 255).tolist() == values.tolist()
        assert (measure(masks, masks) == 1).all()


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(4, 5\).*\(4, 6\).*expected \(T, H, W\)"):
        measures.region_similarity(np.zeros((4, 5)), np.zeros((4, 6)))
    with pytest.raises(ValueError, match=r"expected \(T, H, W\)"):
        measures.contour_accuracy(np.zeros((1, 2, 3, 4)), np.zeros((1, 2, 3, 4)))


def test_matching_reaches_exactly_the_radius():
    """A frame of 480 x 854 has radius 8: a row 8 away counts, one 9 away does not."""
    annotation, near, far = np.zeros((3, 480, 854), bool)
    annotation[100:, :] = True  # its boundary is row 99
    near[108:, :] = True
    far[109:, :] = True
    assert measures.contour_accuracy(near, annotation) == 1
    assert measures.contour_accuracy(far, annotation) == 0


def test_empty_masks():
    mask = np.zeros((9, 9), bool)
    mask[3:5, 3:5] = True
    empty = np.zeros_like(mask)
    assert measures.region_similarity(mask, empty) == measures.contour_accuracy(mask, empty) == 0
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
    got = statistics.mean(values), statistics.recall(values), statistics.decay(values)
    assert got == pytest.approx(expected)


def test_no_scored_frame_gives_no_figure():
    for statistic in (statistics.mean, statistics.recall, statistics.decay):
        assert math.isnan(statistic([math.nan])) and math.isnan(statistic([]))


def test_long_sequences_do_not_overflow():
    assert statistics.decay(np.linspace(1, 0, 4001)) == pytest.approx(0.75, abs=1e-3)
