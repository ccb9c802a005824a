"""The grid: re-sampling against plain definitions, and that nothing shifts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vosmem.grid import Axis, Grid, area_weights, linear_weights, resample

axes = st.builds(Axis, st.integers(1, 40), st.floats(0.3, 20), st.floats(-30, 30))


@given(axes, axes)
def test_weights_are_averages(source, target):
    for weights in (linear_weights, area_weights):
        matrix = weights(source, target)
        assert matrix.shape == (target.size, source.size)
        assert (matrix >= 0).all()
        np.testing.assert_allclose(matrix.sum(1), 1)


@given(axes, axes)
def test_linear_is_numpy_interpolation(source, target):
    values = np.random.default_rng(0).standard_normal(source.size)
    expected = np.interp(target.centres(), source.centres(), values)
    np.testing.assert_allclose(linear_weights(source, target) @ values, expected, atol=1e-9)


def test_area_average_of_pixels_is_the_mean_of_the_covered_ones():
    pixels = Axis(16, 1, 0)
    cells = Axis(2, 8, 3.5)  # pixels 0..7 and 8..15, whose centres are 3.5 and 11.5
    values = np.arange(16.0)
    np.testing.assert_allclose(area_weights(pixels, cells) @ values, [3.5, 11.5])
    shifted = Axis(2, 8, 0)  # half of the first cell lies outside; what is inside counts
    np.testing.assert_allclose(area_weights(pixels, shifted) @ values, [(0 + 1 + 2 + 3 + 0.5 * 4) / 4.5, 8])


def test_a_cell_beyond_the_source_takes_the_nearest():
    np.testing.assert_allclose(area_weights(Axis(3, 1, 0), Axis(1, 1, 50)), [[0, 0, 1]])


def test_image_of_another_size_shows_the_same_frame():
    grid = Grid.of_image((240, 427), (480, 854))
    assert grid.stride == (2, 2)
    assert grid.offset == (0.5, 0.5)  # the first small pixel covers big pixels 0 and 1


def test_window_is_the_cut_of_the_whole():
    rng = np.random.default_rng(1)
    source, target = Grid(Axis(30, 16, 0), Axis(54, 16, 0)), Grid(Axis(60, 8, 0), Axis(107, 8, 0))
    maps = rng.standard_normal((2, 30, 54))
    window = slice(7, 29), slice(40, 90)
    np.testing.assert_allclose(
        resample(maps, source, target.window(*window)), resample(maps, source, target)[:, *window]
    )


def test_torch_and_numpy_agree():
    rng = np.random.default_rng(2)
    source, target = Grid(Axis(7, 8, 0), Axis(9, 8, 0)), Grid(Axis(13, 4.1, 1.3), Axis(15, 4.3, -2))
    maps = rng.standard_normal((3, 7, 9))
    for method in ("linear", "area"):
        ours = resample(torch.from_numpy(maps), source, target, method).numpy()
        np.testing.assert_allclose(ours, resample(maps, source, target, method))


ROW = Axis(1, 1, 0)


@pytest.mark.parametrize(
    "columns",
    [
        Axis(107, 8, 0),  # MobileNetV2 on 854 columns
        Axis(108, 8, 0),  # Caffe's LargeFOV
        Axis(106, 854 / 106, 854 / 212 - 0.5),  # pooled MP-Net
    ],
)
def test_an_edge_stays_in_place_to_a_tenth_of_a_cell(columns):
    """A vertical edge in a mask, averaged onto each grid, brought to another grid and back to pixels.

    Where in a cell the edge lies bends the interpolated crossing by up to an eighth of a cell; on average over the
    frame, where the two grids meet in nearly every phase, it must not be shifted by a tenth.
    """
    pixels, grid, common = (Grid(ROW, axis) for axis in (Axis(854, 1, 0), columns, Axis(107, 8, 0)))
    x = np.arange(854)
    shifts = []
    for edge in np.arange(60, 790, 3.3):
        mask = np.clip(x - edge + 0.5, 0, 1)[None]  # object right of `edge`
        back = resample(resample(resample(mask, pixels, grid, "area"), grid, common), common, pixels)
        shifts.append(np.interp(0.5, back[0], x) - edge)
    assert abs(np.mean(shifts)) < 0.05 * 8
    assert np.abs(shifts).max() < 0.15 * 8


def test_shape_mismatch_is_told():
    grid = Grid(Axis(4, 1, 0), Axis(5, 1, 0))
    with pytest.raises(ValueError, match=r"\(5, 4\) cells does not lie on a grid of \(4, 5\)"):
        resample(np.zeros((5, 4)), grid, grid)
