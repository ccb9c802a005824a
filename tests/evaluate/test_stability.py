"""T: outlines, polygons and matching against plain references, and cases worked out by hand."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import vosmem.evaluate
from tests.evaluate import plain
from vosmem.evaluate import outline, polygon, stability


def turns(path):
    """The corners of a path at which it turns, its ends among them."""
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(path)]
    return [
        path[0],
        *(p for p, before, after in zip(path[1:], steps, steps[1:], strict=False) if before != after),
        path[-1],
    ]


def mask_of(*rows):
    return np.array([[character == "#" for character in row] for row in rows])


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 10**6), st.tuples(st.integers(1, 12), st.integers(1, 12)), st.sampled_from([0.1, 0.3, 0.5, 0.7, 1])
)
def test_outlines_are_those_of_the_definition_in_its_order(seed, size, share):
    mask = np.random.default_rng(seed).random(size) < share  # noise: full of corners where pixels meet crosswise
    expected = [turns(path) for path in plain.outlines(mask)]
    assert [curve for curve, _ in outline.outlines(mask)] == expected


def test_outline_of_a_ring():
    """Its hole first, for it is found last; the hole's and the ring's first edges run down."""
    found = outline.outlines(mask_of("....", ".###", ".#.#", ".###"))
    hole = [(2, 2), (3, 2), (3, 3), (2, 3), (2, 2)]
    ring = [(1, 1), (4, 1), (4, 4), (1, 4), (1, 1)]
    assert found == [(hole, True), (ring, False)]


def test_pixels_that_touch_at_a_corner_have_an_outline_each():
    assert [hole for _, hole in outline.outlines(mask_of("#.", ".#"))] == [False, False]
    around = outline.outlines(mask_of(".#.", "#.#", ".#."))  # four pixels around none: no corner counts twice
    assert sum(len(curve) - 1 for curve, _ in around) == 16


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.tuples(st.integers(8, 40), st.integers(8, 40)))
def test_contours_are_those_of_the_definition(seed, size):
    for mask in plain.blobs(seed, size):
        expected, got = plain.contour(mask), polygon.contour(mask)
        assert (expected is None) == (got is None)
        if got is not None:
            np.testing.assert_allclose(got, expected, atol=1e-12)


def test_a_square_by_hand():
    """Corners of a square of 6 pixels; its edges are divided in two, and the first point comes again as the last."""
    mask = np.zeros((10, 10), bool)
    mask[2:8, 3:9] = True
    expected = [(2, 3), (2, 6), (2, 9), (5, 9), (8, 9), (8, 6), (8, 3), (5, 3), (2, 3)]
    assert polygon.contour(mask).tolist() == [list(map(float, p)) for p in expected]


def test_thinning_by_hand():
    """A step of one pixel in a line of 20: its second corner is less than 1.5 from its first, which is near the line.
    Of a step of five pixels the corners are 2.4 from the line."""
    one, five = np.ones((2, 12, 20), bool)
    one[:1, 10:] = False
    five[:5, 10:] = False
    around = [(0, 0), (12, 0), (12, 20)]
    assert outline.outlines(one)[0][0] == [*around, (1, 20), (1, 10), (0, 10), (0, 0)]
    assert polygon.thin(outline.outlines(one)[0][0]) == [*around, (1, 20), (0, 0)]
    assert polygon.thin(outline.outlines(five)[0][0]) == [*around, (5, 20), (5, 10), (0, 10), (0, 0)]


def test_what_is_too_small_has_no_contour():
    dot = np.zeros((9, 9), bool)
    assert polygon.contour(dot) is None
    dot[4, 4] = True
    assert polygon.contour(dot) is None


def test_directions_are_those_of_the_arc_tangent():
    rng = np.random.default_rng(0)
    for u, v in (rng.integers(-9, 10, (2, 200, 200)).astype(float), rng.normal(size=(2, 200, 200))):
        angle = np.fmod(np.arctan2(v, u) + 2 * np.pi, 2 * np.pi)
        there = (u != 0) | (v != 0)
        expected = np.floor(angle / (2 * np.pi / 12))[there]
        np.testing.assert_array_equal(stability.directions(u, v)[there], expected)


def test_shape_context_of_two_points_by_hand():
    """Points 4 apart: the mean of all four distances is 2, the other is 2 means away, too far to be counted. Of three
    points on a line, 1 apart, the mean is 8/9: neighbours are 9/8 means away, in the outer ring."""
    itself = 4  # direction 0, nearest ring
    assert np.argwhere(stability.shape_context(np.array([[0, 0], [0, 4]]))).tolist() == [[0, itself], [1, itself]]
    three = stability.shape_context(np.array([[0.0, 0], [1, 0], [2, 0]]))
    ahead, behind = 0, 6 * 5  # the outer ring, along the first axis and against it
    assert three[1, [itself, ahead, behind]].tolist() == [1 / 3, 1 / 3, 1 / 3]
    assert three[0, [itself, ahead]].tolist() == [1 / 2, 1 / 2]  # the third is 9/4 means away


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.tuples(st.integers(10, 26), st.integers(10, 26)))
def test_t_is_that_of_the_definition(seed, size):
    mask, following = plain.blobs(seed, size)
    expected, got = plain.instability(mask, following), vosmem.evaluate.temporal_stability(np.stack([mask, following]))
    np.testing.assert_allclose(got, [expected], atol=2e-4)  # paths are looked for in single precision


def test_costs_in_single_precision_are_close_and_of_equal_histograms_nothing():
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 3, (n, 60)).astype(float) for n in (17, 23))
    a[3] = b[5]
    a, b = (x / x.sum(1, keepdims=True) for x in (a, b))
    got = stability.costs(a, b)
    np.testing.assert_allclose(got, plain.cost_matrix(a, b), atol=1e-6)
    assert got[3, 5] == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4))
def test_paths_of_several_matrices_at_once_are_the_cheapest(seed, shapes):
    rng = np.random.default_rng(seed)
    costs = [rng.integers(0, 64, shape).astype(np.float32) for shape in shapes]  # whole numbers: ties occur
    assert [path.tolist() for path in stability.ordered_match(costs)] == [
        [list(pair) for pair in plain.cheapest_path(cost.astype(float))] for cost in costs
    ]


def test_a_shape_that_moves_or_stays_is_stable_and_one_that_changes_is_not():
    y, x = np.mgrid[:60, :80]
    ellipse = ((y - 30) / 20) ** 2 + ((x - 30) / 12) ** 2 < 1
    moved = np.roll(ellipse, (3, 20), axis=(0, 1))
    turned = ((y - 30) / 12) ** 2 + ((x - 30) / 20) ** 2 < 1
    same, shifted, changed = vosmem.evaluate.temporal_stability(np.stack([ellipse, ellipse, moved, turned]))
    assert same == 0 and shifted == 0 and changed > 0.5


def test_a_frame_without_object_has_no_value():
    masks = np.zeros((3, 20, 20), bool)
    masks[[0, 2], 4:14, 4:14] = True
    assert [math.isnan(v) for v in vosmem.evaluate.temporal_stability(masks)] == [True, True]
    assert vosmem.evaluate.temporal_stability(masks[:1]).size == vosmem.evaluate.temporal_stability(masks[:0]).size == 0
    with pytest.raises(ValueError, match=r"expected \(T, H, W\)"):
        vosmem.evaluate.temporal_stability(masks[0])


def test_groups_do_not_change_values(monkeypatch):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:40, :40]
    masks = [(y - 20) ** 2 / a + (x - 20) ** 2 / b < 1 for a, b in rng.uniform(30, 300, (6, 2))]
    described = [stability.describe(m) for m in masks]
    together = stability.instabilities(described)
    monkeypatch.setattr(stability, "CELLS", 1)
    assert stability.instabilities(described) == together
