"""The closer look: windows, agreement and fusion against plain loops in float64, and what it must and must not do."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosmem.grid import Axis, Grid
from vosmem.refine import zoom
from vosmem.refine.logits import SURE

SIZE = (120, 200)
GRID = Grid(Axis(30, 4, 1.5), Axis(50, 4, 1.5))  # edge to edge
WEIGHTS = (1.1, 0.7, 0.5, -0.2, 0.1, 0.3, -0.4, 0.05)


def disc(y, x, radius, shape=(30, 50), stride=4, offset=1.5):
    """(h, w) float32: 0.97 within a disc of pixels, 0.02 beyond."""
    rows, columns = (stride * np.arange(n) + offset for n in shape)
    inside = (rows[:, None] - y) ** 2 + (columns - x) ** 2 < radius**2
    return np.where(inside, np.float32(0.97), np.float32(0.02))


def all_of(maps, look, agreement=(0.0, 0.0), weights=WEIGHTS, margin=0.3, order=None):
    """The maps after the look, by t."""
    order = range(len(maps)) if order is None else order
    frames = [np.full((*SIZE, 3), t % 256, np.uint8) for t in range(len(maps))]
    found = zoom.closer(
        ((t, maps[t]) for t in order), GRID, len(maps), SIZE, frames.__getitem__, look, margin, weights, agreement
    )
    found = list(found)
    assert [t for t, _ in found] == list(order)
    return dict(found)


# --- extents and windows


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 25), st.integers(0, 40), st.integers(1, 20), st.integers(1, 20))
def test_the_extent_of_a_box_is_the_box(top, left, height, width):
    """To a hundredth of its object to each side, hence to a cell where it has more than a hundred."""
    cells = np.zeros(GRID.shape, np.float32)
    cells[top : top + height, left : left + width] = 0.8
    bottom, right = min(top + height, 30), min(left + width, 50)
    np.testing.assert_allclose(zoom.extent(cells, GRID), 4.0 * np.array([top, left, bottom, right]))


def test_specks_are_no_part_of_the_extent():
    cells = disc(60, 60, 40)
    alone = zoom.extent(cells, GRID)
    cells[2, 47] = 0.9  # one cell of some three hundred
    np.testing.assert_allclose(zoom.extent(cells, GRID), alone, atol=4)


def test_what_is_no_object_has_no_extent():
    assert np.isnan(zoom.extent(np.full(GRID.shape, 0.5, np.float32), GRID)).all()


extents = st.tuples(st.floats(0, 119), st.floats(0, 199), st.floats(1, 120), st.floats(1, 200)).map(
    lambda e: [min(e[0], e[2]), min(e[1], e[3]), max(e[0], e[2]), max(e[1], e[3])]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | extents, min_size=1, max_size=9), st.floats(0, 4))
def test_windows_hold_what_is_near(given_, margin):
    known = np.array([[math.nan] * 4 if e is None else e for e in given_])
    found = zoom.windows(known, SIZE, margin)
    assert [w is None for w in found] == [e is None for e in given_]
    for t, window in enumerate(found):
        if window is None:
            continue
        for axis, n in enumerate(SIZE):
            low, high = window[axis].start, window[axis].stop
            assert 0 <= low < high <= n
            near = [e for e in given_[max(0, t - zoom.BESIDE) : t + zoom.BESIDE + 1] if e is not None]
            first, last = min(e[axis] for e in near), max(e[axis + 2] for e in near)
            assert low <= first + 1
            assert high >= last - 1
            sides = [max(e[k + 2] for e in near) - min(e[k] for e in near) for k in (0, 1)]
            room = margin * (sides[axis] + max(sides)) / 2
            least = min(last + room, n) - max(first - room, 0)  # what lies beyond the frame is lost
            assert high - low >= max(min(least, n) - 1.01, min(zoom.LEAST, n))
            assert high - low <= max(least + 1.01, zoom.LEAST)


def test_a_window_is_no_smaller_than_blur_allows():
    (window,) = zoom.windows(np.array([[60.0, 100, 64, 104]]), SIZE, 0.35)
    assert [w.stop - w.start for w in window] == [zoom.LEAST, zoom.LEAST]
    (window,) = zoom.windows(np.array([[3.0, 1, 6, 9]]), (10, 10), 0.35)
    assert window == (slice(0, 10), slice(0, 10))


def test_at_the_frame_s_edge_it_reaches_further_inward():
    corners = np.array([[0.0, 170, 20, 199], [100, 0, 119, 30]])
    for extent, beside in zip(corners, ((0, 200 - zoom.LEAST), (120 - zoom.LEAST, 0)), strict=True):
        (window,) = zoom.windows(extent[None], SIZE, 0.35)
        assert window == tuple(slice(start, start + zoom.LEAST) for start in beside)


# --- agreement and fusion


def bilinear(rows, y, x):
    """The map (h, w) at (y, x) in cells; the outermost value beyond the outermost centres."""
    height, width = rows.shape
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = min(int(y), max(0, height - 2)), min(int(x), max(0, width - 2))
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    a, b = y - top, x - left
    return (1 - a) * ((1 - b) * rows[top, left] + b * rows[top, right]) + a * (
        (1 - b) * rows[bottom, left] + b * rows[bottom, right]
    )


def plain(cells, window, sides, weights, share, correction=None):
    """The fused map, cell by cell in float64."""
    cells, sides = cells.astype(np.float64), sides.astype(np.float64)
    correction = np.zeros(sides.shape[1:]) if correction is None else correction.astype(np.float64)
    out = np.zeros((60, 100))
    for i in range(60):
        for j in range(100):
            y, x = 2 * i + 0.5, 2 * j + 0.5  # in pixels, of which the fine grid's cells cover two
            p = bilinear(cells, (y - 1.5) / 4, (x - 1.5) / 4)
            out[i, j] = p
            rows, columns = window
            if not (rows.start - 0.5 <= y < rows.stop - 0.5 and columns.start - 0.5 <= x < columns.stop - 0.5):
                continue
            p = min(max(p, SURE), 1 - SURE)
            logit = math.log(p / (1 - p))
            v = (y + 0.5 - rows.start) / (rows.stop - rows.start) * sides.shape[1] - 0.5
            u = (x + 0.5 - columns.start) / (columns.stop - columns.start) * sides.shape[2] - 0.5
            seen = [bilinear(np.clip(s, -zoom.CLEAR, zoom.CLEAR), v, u) for s in sides]
            total = weights[0] * logit + sum(w * s for w, s in zip(weights[1:7], seen, strict=True)) + weights[7]
            total += bilinear(correction, v, u)
            out[i, j] = 1 / (1 + math.exp(-(share * total + (1 - share) * logit)))
    return out


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("window", [(slice(0, 120), slice(0, 200)), (slice(13, 110), slice(101, 198))])
def test_the_fusion_is_the_sum_of_logits(window, share):
    rng = np.random.default_rng(0)
    cells, sides = rng.random(GRID.shape, np.float32), rng.normal(0, 2, (6, 33, 28)).astype(np.float32)
    one = zoom.Seen(0, cells, window, zoom.clear(sides))
    found = zoom.fused(one, GRID, SIZE, np.array(WEIGHTS, np.float32), share)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain(cells, window, sides, WEIGHTS, share), atol=2e-5)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_correction_is_added_to_the_sum(share):
    rng = np.random.default_rng(0)
    cells, sides = rng.random(GRID.shape, np.float32), rng.normal(0, 2, (6, 33, 28)).astype(np.float32)
    window, correction = (slice(13, 110), slice(101, 198)), rng.normal(0, 2, (33, 28)).astype(np.float16)
    one = zoom.Seen(0, cells, window, zoom.clear(sides), correction)
    found = zoom.fused(one, GRID, SIZE, np.array(WEIGHTS, np.float32), share)
    np.testing.assert_allclose(found, plain(cells, window, sides, WEIGHTS, share, correction), atol=2e-5)


def test_views_are_cut_and_then_averaged():
    """One that is sure counts no more than one that is half sure."""
    rng = np.random.default_rng(0)
    cells, window = rng.random(GRID.shape, np.float32), (slice(13, 110), slice(101, 198))
    views = [(rng.normal(0, 4, (6, 33, 28)), rng.normal(0, 2, (33, 28))) for _ in range(3)]
    one = zoom.Seen.of(5, cells, GRID, window, views)
    assert (one.t, one.window, one.cells is cells) == (5, window, True)
    np.testing.assert_allclose(one.sides, sum(np.clip(s, -1, 1) for s, _ in views) / 3, atol=1e-3)
    np.testing.assert_allclose(one.correction, sum(c for _, c in views) / 3, atol=5e-3)
    assert one.agreement == pytest.approx(sum(zoom.agreed(cells, GRID, window, s[0]) for s, _ in views) / 3)
    assert zoom.Seen.of(5, cells, GRID, window, [(s, None) for s, _ in views]).correction is None


def test_a_frame_without_a_window_keeps_its_map():
    cells = np.random.default_rng(0).random(GRID.shape, np.float32)
    found = zoom.fused(zoom.Seen(0, cells), GRID, SIZE, np.array(WEIGHTS, np.float32), 1.0)
    expected = plain(cells, (slice(0, 0), slice(0, 0)), np.zeros((6, 1, 1)), WEIGHTS, 1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_agreement_is_the_soft_jaccard_index():
    rng = np.random.default_rng(0)
    cells, sides = rng.random(GRID.shape, np.float32), rng.normal(0, 2, (6, 20, 16)).astype(np.float16)
    window = (slice(20, 100), slice(40, 120))
    both = either = 0.0
    for i in range(20):
        for j in range(16):
            y, x = 20 + (i + 0.5) * 4 - 0.5, 40 + (j + 0.5) * 5 - 0.5
            p = bilinear(cells.astype(np.float64), (y - 1.5) / 4, (x - 1.5) / 4)
            q = 1 / (1 + math.exp(-float(sides[0, i, j])))
            both, either = both + p * q, either + p + q - p * q
    assert zoom.agreed(cells, GRID, window, sides[0]) == pytest.approx(both / either, rel=1e-5)
    assert math.isnan(zoom.Seen(0, cells).agreement)


# --- a whole video


def sees(*radii):
    """A look that tells of discs in the window's middle, one after the other."""
    asked = iter(radii * 1000)

    def look(pixels, logits):
        assert pixels.ndim == 3 and logits.shape == zoom.INPUT
        map_ = 16 * disc(40, 40, next(asked), (80, 80), 1, 0.5) - 8
        return [(np.repeat(map_[None], 6, 0), None)]

    return look


@pytest.mark.parametrize("backwards", [False, True])
def test_every_frame_is_looked_at_in_its_own_window(backwards):
    maps = [disc(60, 30 + 4 * t, 20) for t in range(30)]
    order = range(30)[:: -1 if backwards else 1]
    asked, told = [], []

    def look(pixels, logits):
        asked.append((int(pixels[0, 0, 0]), pixels.shape[:2]))
        told.append(logits)
        return [(np.zeros((6, 40, 40), np.float32), None)]

    found = all_of(maps, look, weights=(1, 0, 0, 0, 0, 0, 0, 0), order=order)
    windows = zoom.windows(np.stack([zoom.extent(m, GRID) for m in maps]), SIZE, 0.3)
    assert asked == [(t, tuple(w.stop - w.start for w in windows[t])) for t in order]
    for t, logits in zip(order, told, strict=True):  # those of the window, as the network sees it
        rows, columns = windows[t]
        y, x = ((np.arange(320) + 0.5) * (a.stop - a.start) / 320 + a.start - 0.5 for a in (rows, columns))
        for i, j in ((0, 0), (5, 310), (160, 160), (200, 120)):
            p = bilinear(maps[t], (y[i] - 1.5) / 4, (x[j] - 1.5) / 4)
            assert logits[i, j] == pytest.approx(math.log(p / (1 - p)), abs=1e-3)
    for t, cells in enumerate(maps):
        np.testing.assert_allclose(found[t], plain(cells, windows[t], np.zeros((6, 1, 1)), (1, *[0] * 7), 1), atol=1e-5)


def test_a_look_that_finds_something_else_does_not_count():
    """Over all of a few seconds; and what counts is the frames near, not those far off."""
    length = 4 * zoom.NEAR
    maps = [disc(60, 100, 24)] * length
    radii = [24] * (length // 2) + [6] * (length // 2)  # of 80 cells; the window has 58 to 64 pixels or so
    found = all_of(maps, sees(*radii), (0.4, 0.6), (0, 9, 0, 0, 0, 0, 0, 0))
    kept = zoom.fused(zoom.Seen(0, maps[0]), GRID, SIZE, np.zeros(8, np.float32), 0) > 0.5
    assert ((found[0] > 0.5) ^ kept).sum() > 20  # the look's own disc
    assert ((found[length - 1] > 0.5) == kept).all()
    assert ((found[length - zoom.NEAR] > 0.5) == kept).all()


def test_nothing_found_nothing_looked_at():
    maps = [np.full(GRID.shape, 0.1, np.float32)] * 3
    found = all_of(maps, lambda *_: pytest.fail("looked"))
    for rows in found.values():
        np.testing.assert_allclose(rows, 0.1, atol=1e-6)


def test_an_object_that_leaves_stays_gone():
    """Where nothing is found in a frame, what the frames beside it hold is no reason to look."""
    empty = np.full(GRID.shape, 0.02, np.float32)
    maps = [disc(60, 100, 24)] * 5 + [empty] * 5
    found = all_of(maps, sees(30))
    assert all((found[t] > 0.5).any() for t in range(5))
    assert not any((found[t] > 0.5).any() for t in range(5, 10))


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (37, 53), (700, 16)])
def test_sizes(size):
    grid = Grid(*(Axis(-(-n // 4), 4, 0) for n in size))
    cells = np.random.default_rng(0).random(grid.shape, np.float32)
    frame = np.zeros((*size, 3), np.uint8)
    look = lambda *_: [(np.ones((6, 160, 160), np.float16), np.ones((320, 320), np.float16))]  # noqa: E731
    maps = ((t, cells) for t in range(2))
    found = list(zoom.closer(maps, grid, 2, size, lambda t: frame, look, 0.35, WEIGHTS, (0.4, 0.6)))
    assert [rows.shape for _, rows in found] == [zoom.fine_grid(size).shape] * 2
    assert all(np.isfinite(rows).all() and rows.min() >= 0 and rows.max() <= 1 for _, rows in found)


def test_frames_side_by_side_are_those_in_turn():
    maps = [disc(60 + 4 * t, 80, 20) for t in range(9)]
    frames = [np.full((*SIZE, 3), 20 * t, np.uint8) for t in range(9)]

    def look(pixels, logits):
        return [(np.full((6, 160, 160), pixels[0, 0, 0] / 100 - 1, np.float16), None)]

    def found(threads):
        given = ((t, maps[t]) for t in reversed(range(9)))
        how = 0.35, WEIGHTS, (0.0, 0.1)
        return list(zoom.closer(given, GRID, 9, SIZE, frames.__getitem__, look, *how, threads=threads))

    for (t, alone), (u, beside) in zip(found(1), found(3), strict=True):
        assert t == u
        np.testing.assert_array_equal(alone, beside)
