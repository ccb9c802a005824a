"""Painting and flow where the answer is known in closed form: a square before a wall, and a camera that turns."""

from __future__ import annotations

import numpy as np
import pytest

from vosmem.demo.camera import Camera, Plane
from vosmem.demo.layer import Layer
from vosmem.demo.scene import Scene

SIZE = (96, 160)
FOCAL = 160.0


def _square(alpha: int = 255, speed: float = 0.0) -> Scene:
    """A red square of 40 x 40 px with its left upper corner on pixel (60, 20), at depth 2, before a grey wall at 20."""
    red = np.zeros((40, 40, 4), np.uint8)
    red[..., 0], red[..., 3] = alpha, alpha
    wall = Layer("wall", np.full((200, 300, 4), 128, np.uint8), 4, (-37.5, -25), lambda moment: Plane((0, 0, 20)))
    wall.picture[..., 3] = 255
    corner = (60 - 79.5) * 2 / FOCAL, (20 - 47.5) * 2 / FOCAL  # texel (0, 0), so that texels fall on pixels
    square = Layer("square", red, 80, corner, lambda moment: Plane((speed * moment, 0, 2)), target=True)
    return Scene((wall, square), lambda moment, size: Camera((0, 0, 0), 0, 0, 0, FOCAL, size))


def test_owner_and_colours_of_a_square():
    frame, owner = _square().paint(0.0, SIZE)
    expected = np.zeros(SIZE, np.uint8)
    expected[20:60, 60:100] = 1
    assert np.array_equal(owner, expected)
    assert frame.dtype == np.float32
    assert np.allclose(frame[22:58, 62:98], [255, 0, 0], atol=1)
    assert np.allclose(frame[expected == 0][:500], 128, atol=1)


def test_what_covers_less_than_half_owns_nothing():
    frame, owner = _square(alpha=100).paint(0.0, SIZE)
    assert not owner.any()
    assert frame[40, 80, 0] == pytest.approx(128 * (1 - 100 / 255) + 100, abs=1)


def test_flow_of_a_moving_square_and_a_still_wall():
    """0.05 units in half of the story at depth 2 are 0.05 * 160 / 2 = 4 px."""
    scene = _square(speed=0.1)
    _, owner = scene.paint(0.25, SIZE)
    flow = scene.flow(owner, 0.25, 0.75)
    assert flow.shape == (2, *SIZE)
    assert np.allclose(flow[0], np.where(owner == 1, 4, 0), atol=1e-9)
    assert np.allclose(flow[1], 0, atol=1e-9)


@pytest.mark.parametrize("name", ["stop-and-go", "occlusion"])
def test_flow_of_the_scene_under_a_turning_camera_is_analytic(scene, name):
    """A camera that only turns and zooms moves every still thing by x' = K' R'^T R K^-1 x, whatever its depth."""
    story = scene(name)

    def camera(moment: float, size: tuple[int, int]) -> Camera:
        return Camera((0.1, 0, 0), 0.1 * moment, 0.14, 0, 160 * (1 + 0.1 * moment), size)

    turned = Scene(story.layers, camera)
    _, owner = turned.paint(0.2, SIZE)
    flow = turned.flow(owner, 0.2, 0.3)
    rays = np.stack([*np.meshgrid(np.arange(160) - 79.5, np.arange(96) - 47.5), np.full(SIZE, 160 * 1.02)])
    for angle, focal in ((0.02, None), (-0.03, 160 * 1.03)):  # into the world by the first yaw, out by the second
        cos, sin = np.cos(angle), np.sin(angle)
        x, y, z = rays
        if focal is None:
            y, z = np.cos(0.14) * y + np.sin(0.14) * z, -np.sin(0.14) * y + np.cos(0.14) * z
            rays = np.stack([cos * x + sin * z, y, -sin * x + cos * z])
        else:
            x, z = cos * x + sin * z, -sin * x + cos * z
            y, z = np.cos(0.14) * y - np.sin(0.14) * z, np.sin(0.14) * y + np.cos(0.14) * z
            rays = np.stack([x / z * focal + 79.5, y / z * focal + 47.5])
    expected = rays - np.stack(np.meshgrid(np.arange(160), np.arange(96)))
    still = np.isin(
        owner, [k for k, layer in enumerate(story.layers) if layer.name in ("sky", "hedge", "ground", "trunk")]
    )
    assert 0.4 < still.mean() < 1
    assert np.abs(flow - expected)[:, still].max() < 1e-6
