"""Back-projection: the refined map keeps what the cells said."""

import cv2
import numpy as np
import pytest

from vosmem.grid import Axis, Grid, resample
from vosmem.refine.backprojection import back_project

GRID = Grid(Axis(8, 8, 0), Axis(11, 8, 0))
SIZE = (60, 85)
PIXELS = Grid.of_image(SIZE, SIZE)


@pytest.fixture
def cells():
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    disk = (y - 27) ** 2 + (x - 45) ** 2 < 18**2
    return cv2.GaussianBlur(resample(disk.astype(np.float32), PIXELS, GRID, "area"), (0, 0), 1)


def blur(values):
    return cv2.GaussianBlur(values, (0, 0), 4)


def test_no_rounds_is_the_filter_alone(cells):
    np.testing.assert_allclose(
        back_project(cells, GRID, PIXELS, blur, 0), blur(resample(cells, GRID, PIXELS)), atol=1e-6
    )


def test_a_round_as_defined(cells):
    """One round with plain matrices, float64."""
    first = blur(resample(cells, GRID, PIXELS)).astype(np.float64)
    lack = cells - resample(first, PIXELS, GRID, "area")
    expected = blur(np.clip(first + resample(lack, GRID, PIXELS), 0, 1))
    np.testing.assert_allclose(back_project(cells, GRID, PIXELS, blur, 1), expected, atol=1e-5)


def test_rounds_bring_the_averages_nearer(cells):
    lacks = [
        np.abs(cells - resample(back_project(cells, GRID, PIXELS, blur, n), PIXELS, GRID, "area")).mean()
        for n in (0, 1, 2, 4, 8)
    ]
    assert lacks == sorted(lacks, reverse=True)
    assert lacks[-1] < 0.7 * lacks[0]


def test_a_thin_part_survives():
    """A pole one cell wide: smoothing alone wears it away."""
    cells = np.zeros(GRID.shape, np.float32)
    cells[:, 5] = 0.8
    worn, kept = (back_project(cells, GRID, PIXELS, blur, n) for n in (0, 3))
    assert not (worn > 0.5).any()
    assert (kept > 0.5)[:, 40].all()
