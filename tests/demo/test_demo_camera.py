"""The camera against the pinhole equations written out, and the flow of a turning camera against its closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vosmem.demo.camera import Camera, Plane, level, upright

ANGLE = st.floats(-0.3, 0.3)
SIZE = (240, 432)


def _project(camera: Camera, point: np.ndarray) -> np.ndarray:
    """A world point to pixels: undo yaw, then pitch, then roll, divide by the depth. Independent of the class."""
    x, y, z = point - np.array(camera.position)
    x, z = np.cos(camera.yaw) * x - np.sin(camera.yaw) * z, np.sin(camera.yaw) * x + np.cos(camera.yaw) * z
    y, z = np.cos(camera.pitch) * y - np.sin(camera.pitch) * z, np.sin(camera.pitch) * y + np.cos(camera.pitch) * z
    x, y = np.cos(camera.roll) * x + np.sin(camera.roll) * y, -np.sin(camera.roll) * x + np.cos(camera.roll) * y
    return np.array([camera.focal * x / z + 215.5, camera.focal * y / z + 119.5])


@given(yaw=ANGLE, pitch=ANGLE, roll=ANGLE, a=st.floats(-2, 2), b=st.floats(-2, 2), focal=st.floats(300, 600))
def test_homography_is_the_pinhole_projection_of_the_plane(yaw, pitch, roll, a, b, focal):
    camera = Camera((0.2, -0.1, 0.3), yaw, pitch, roll, focal, SIZE)
    plane = Plane((0.5, 1.0, 6.0), (0.9, 0.1, 0.3), (-0.1, 0.8, 0.2))
    x, y, depth = camera.homography(plane) @ np.array([a, b, 1])
    point = np.array(plane.origin) + a * np.array(plane.across) + b * np.array(plane.down)
    assert np.allclose([x / depth, y / depth], _project(camera, point), atol=1e-9)


@pytest.mark.parametrize(
    ("turn", "towards"), [({"yaw": 0.01}, (-1, 0)), ({"pitch": 0.01}, (0, -1)), ({"position": (0.01, 0, 0)}, (-1, 0))]
)
def test_signs(turn, towards):
    """Turned or moved right, the world goes left; turned down, it goes up."""
    still = {"position": (0.0, 0.0, 0.0), "yaw": 0.0, "pitch": 0.0, "roll": 0.0, "focal": 400.0, "size": SIZE}
    plane = upright(0, 5, foot=0)
    before, after = (Camera(**kind).homography(plane)[:, 2] for kind in (still, {**still, **turn}))
    moved = after[:2] / after[2] - before[:2] / before[2]
    assert np.allclose(np.round(moved / np.abs(moved).max(), 6), towards)


def test_roll_is_clockwise_for_the_camera():
    camera = Camera((0, 0, 0), 0.0, 0.0, 0.1, 400.0, SIZE)
    right = camera.homography(Plane((1, 0, 5)))[:, 2]
    assert right[1] / right[2] < 119.5  # what was on the right goes up


def test_planes_stand_and_lie():
    assert upright(1, 4) == Plane((1, 1.0, 4), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    assert level(1, 4) == Plane((1, 1.0, 4), (1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
    turned = upright(0, 0, turn=0.3, tilt=0.2)
    assert np.dot(turned.across, turned.down) == pytest.approx(0)
    assert np.linalg.norm(turned.across) == pytest.approx(1)
