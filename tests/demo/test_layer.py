"""A layer's two maps undo each other, for bent and moving layers, and agree with a plane worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.demo.test_bend import BENDS
from vosmem.demo.camera import Camera, Plane, upright
from vosmem.demo.layer import OUTSIDE, Layer

CAMERA = Camera((0.1, 0.0, 0.2), 0.05, 0.14, -0.03, 432.0, (240, 432))
PICTURE = np.full((120, 150, 4), 255, np.uint8)


@pytest.mark.parametrize("name", [None, *BENDS])
@given(x=st.floats(0, 431), y=st.floats(0, 239), moment=st.floats(0, 1))
def test_find_undoes_look(name, x, y, moment):
    layer = Layer("it", PICTURE, 100, (-0.5, -1.2), lambda s: upright(s / 3, 3 + s, turn=s), BENDS.get(name))
    j, i, _, _ = layer.look(CAMERA, moment, np.array([x]), np.array([y]))
    assume(abs(j[0] / 100 - 0.5) <= 0.8)  # a gait is undone on and about its animal, of length 0.95
    back = layer.find(CAMERA, moment, j, i)
    assert np.allclose(np.concatenate(back), [x, y], atol=1e-3)


def test_texels_of_a_plane_that_faces_the_camera():
    """At depth 4 with focal length 400 a unit is 100 px and 50 texels; texel (0, 0) is at (-1, -2) on the plane."""
    camera = Camera((0, 0, 0), 0, 0, 0, 400.0, (101, 201))
    layer = Layer("it", PICTURE, 50, (-1, -2), lambda moment: Plane((0.5, 0.25, 4)))
    j, i, _, _ = layer.look(camera, 0, np.array([100.0, 150.0]), np.array([50.0, 75.0]))
    assert np.allclose(j, [(-0.5 + 1) * 50, (0 + 1) * 50])
    assert np.allclose(i, [(-0.25 + 2) * 50, (0 + 2) * 50])


def test_the_outline_does_not_bend():
    layer = Layer("it", PICTURE, 100, (-0.5, -1.2), lambda moment: upright(0, 3), BENDS["ripple"])
    plain = Layer("it", PICTURE, 100, (-0.5, -1.2), lambda moment: upright(0, 3))
    points = np.array([180.0, 220.0]), np.array([100.0, 140.0])
    j, _, still_j, still_i = layer.look(CAMERA, 0.4, *points)
    assert np.allclose([still_j, still_i], plain.look(CAMERA, 0.4, *points)[:2])
    assert np.abs(j - still_j).min() > 10


def test_nothing_is_seen_behind_the_camera():
    layer = Layer("ground", PICTURE, 100, (-1, -4), lambda moment: Plane((0, 1, 0), down=(0, 0, -1)))
    j, i, _, _ = layer.look(
        Camera((0, 0, 0), 0, 0, 0, 400.0, (101, 201)), 0, np.array([100.0]), np.array([[20.0], [80.0]])
    )
    assert i[0, 0] == j[0, 0] == OUTSIDE  # above the horizon
    assert i[1, 0] > OUTSIDE


def test_bounds_hold_all_that_is_seen():
    layer = Layer("it", PICTURE, 100, (-0.5, -1.2), lambda moment: upright(0.2, 3, turn=0.4), BENDS["gait"], 0.1)
    left, top, right, bottom = layer.bounds(CAMERA, 0.3)
    y, x = np.mgrid[:240, :432]
    j, i, _, _ = layer.look(CAMERA, 0.3, x, y)
    ys, xs = np.nonzero((j > -1) & (j < 150) & (i > -1) & (i < 120))
    assert len(ys) > 1000
    assert left - 1 <= xs.min() and xs.max() <= right + 1
    assert top - 1 <= ys.min() and ys.max() <= bottom + 1


def test_bounds_of_what_reaches_behind_the_camera_are_the_frame():
    layer = Layer("ground", PICTURE, 100, (-1, -4), lambda moment: Plane((0, 1, 3), down=(0, 0, -1)))
    assert layer.bounds(CAMERA, 0) is not None
    near = Layer("ground", PICTURE, 10, (-1, -4), lambda moment: Plane((0, 1, 3), down=(0, 0, -1)))
    assert near.bounds(CAMERA, 0) is None
