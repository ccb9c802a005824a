"""Steadied maps: against plain loops in float64, and what they must and must not do."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vosmem import waiting
from vosmem.grid import Grid
from vosmem.refine import temporal


def steadied(maps, forward, backward, weight, tolerance, order=1):
    came = list(enumerate(maps))[::order]
    found = list(temporal.steady(came, forward.__getitem__, backward.__getitem__, weight, tolerance))
    assert [t for t, _ in found] == [t for t, _ in came[::-1]]
    return np.stack([rows for _, rows in found[::-order]])


def at(rows, y, x):
    """Bilinear, the border's value beyond the border."""
    height, width = rows.shape
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    a, b = y - top, x - left
    return (1 - a) * ((1 - b) * rows[top, left] + b * rows[top, right]) + a * (
        (1 - b) * rows[bottom, left] + b * rows[bottom, right]
    )


def plain(maps, forward, backward, weight, tolerance):
    """Each sum by its recursion, cell by cell."""
    maps, forward, backward = (a.astype(np.float64) for a in (maps, forward, backward))
    length, height, width = maps.shape

    def sums(order, step, there, back):
        of_values, of_weights = np.zeros_like(maps), np.zeros_like(maps)
        for t in order:
            for y in range(height):
                for x in range(width):
                    of_values[t, y, x], of_weights[t, y, x] = maps[t, y, x], 1
                    s = t + step
                    if not 0 <= s < length:
                        continue
                    u, v = there[t][:, y, x]
                    if not (0 <= x + u <= width - 1 and 0 <= y + v <= height - 1):
                        continue
                    miss = (u + at(back[s][0], y + v, x + u)) ** 2 + (v + at(back[s][1], y + v, x + u)) ** 2
                    c = weight * np.exp(-miss / (tolerance**2 + 0.02 * (u * u + v * v)))
                    of_values[t, y, x] += c * at(of_values[s], y + v, x + u)
                    of_weights[t, y, x] += c * at(of_weights[s], y + v, x + u)
        return of_values, of_weights

    earlier = sums(range(length), -1, backward, forward)
    later = sums(range(length - 1, -1, -1), 1, forward, backward)
    return (earlier[0] + later[0] - maps) / (earlier[1] + later[1] - 1)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_against_plain_loops(length, order):
    rng = np.random.default_rng(0)
    maps = rng.random((length, 6, 8))
    forward, backward = (rng.normal(0, 1.5, (length, 2, 6, 8)) for _ in range(2))
    found = steadied(maps, forward, backward, 0.8, 2.0, order)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plain(maps, forward, backward, 0.8, 2.0), atol=2e-6)


def test_a_frame_that_drops_out_is_carried_by_its_neighbours():
    """A square moves a cell a frame; in one frame it was not found."""
    maps = np.zeros((7, 12, 20), np.float32)
    for t in range(7):
        maps[t, 4:8, 4 + t : 9 + t] = 1
    forward, backward = (np.zeros((7, 2, 12, 20), np.float32) for _ in range(2))
    for t in range(7):
        forward[t, 0, 4:8, 4 + t : 9 + t], backward[t, 0, 4:8, 4 + t : 9 + t] = 1, -1
    true = maps.copy()
    maps[3] = 0
    found = steadied(maps, forward, backward, 0.8, 1.0)
    assert ((found > 0.5) == true).all()


def test_where_the_flow_does_not_lead_back_nothing_is_carried():
    rng = np.random.default_rng(1)
    maps = rng.random((3, 5, 6)).astype(np.float32)
    forward, backward = np.full((3, 2, 5, 6), 1.0), np.full((3, 2, 5, 6), 1.0)
    np.testing.assert_allclose(steadied(maps, forward, backward, 1.0, 0.1), maps, atol=1e-6)
    outwards = np.full((3, 2, 5, 6), 50.0)
    np.testing.assert_array_equal(steadied(maps, outwards, -outwards, 1.0, 1.0), maps)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), weight=st.floats(0, 1), tolerance=st.floats(0.1, 10), length=st.integers(1, 6),
    size=st.tuples(st.integers(1, 6), st.integers(1, 6)),
)  # fmt: skip
def test_values_stay_within_those_of_the_maps(seed, weight, tolerance, length, size):
    rng = np.random.default_rng(seed)
    maps = rng.random((length, *size)).astype(np.float32)
    forward, backward = (rng.normal(0, 2, (length, 2, *size)).astype(np.float32) for _ in range(2))
    found = steadied(maps, forward, backward, weight, tolerance)
    assert maps.min() - 1e-5 <= found.min() and found.max() <= maps.max() + 1e-5
    np.testing.assert_allclose(steadied(maps, forward, backward, 0.0, tolerance), maps, atol=1e-6)


def test_what_waits_goes_to_a_file_where_it_is_much(monkeypatch, tmp_path):
    rng = np.random.default_rng(2)
    maps, forward, backward = rng.random((4, 5, 6)), *rng.normal(0, 1, (2, 4, 2, 5, 6))
    expected = steadied(maps, forward, backward, 0.8, 1.0)
    monkeypatch.setattr(waiting, "IN_MEMORY", 64)
    np.testing.assert_array_equal(steadied(maps, forward, backward, 0.8, 1.0), expected)


def test_flow_comes_to_the_cells_in_cells():
    pixels, cells = Grid.of_image((16, 24), (16, 24)), Grid.of_image((4, 6), (16, 24))
    rows = np.stack([np.full((16, 24), 6.0), np.full((16, 24), -2.0)])
    np.testing.assert_allclose(temporal.on_grid(rows, pixels, cells), rows[:, :4, :6] / 4, rtol=1e-6)
