"""Synthetic scenes: exact geometry, exact labels, the same from the same seed."""

import numpy as np
import pytest
import torch

from vosmem.motion.scene import OBJECTS, PARTS, SLOTS, STILL, Scene, random_scene
from vosmem.motion.synthetic import batch, spoil

HEIGHT, WIDTH = 36, 64


def project_points(scene: Scene, i: int) -> np.ndarray:
    """The flow of scene i, point by point in three dimensions, float64: (2, H, W) in pixels."""
    flow = np.zeros((2, HEIGHT, WIDTH))
    f, after = float(scene.focal[i]), float(scene.focal_after[i])
    for row in range(HEIGHT):
        for column in range(WIDTH):
            x = (column + 0.5 - WIDTH / 2) * 2 / WIDTH
            y = (row + 0.5 - HEIGHT / 2) * 2 / WIDTH
            depth = 1 / float(scene.rho[i, row, column])
            point = depth * np.array([x / f, y / f, 1.0])
            surface = int(scene.slot[i, row, column])
            own = np.zeros(3)
            own[:2] = scene.deformation[i, :, row, column].double().numpy() * depth
            point = scene.a[i, surface].double().numpy() @ point + scene.b[i, surface].double().numpy() + own
            seen = after * point[:2] / point[2]
            flow[:, row, column] = (seen - [x, y]) * WIDTH / 2
    return flow


@pytest.mark.parametrize("objects", [0, 3])
def test_flow_is_the_projection_of_points(objects):
    scene = random_scene(4, HEIGHT, WIDTH, seed=7, objects=objects)
    got = scene.flow().numpy()
    for i in range(4):
        np.testing.assert_allclose(got[i], project_points(scene, i), atol=2e-3)
    assert np.abs(got).max() > 0.5  # something moved at all


def test_label_is_where_a_surface_moves_by_itself():
    scene = random_scene(12, HEIGHT, WIDTH, seed=3)
    label = scene.label()[:, 0].numpy()
    first_moving = 1 + STILL
    np.testing.assert_array_equal(label, (scene.slot.numpy() >= first_moving).astype(np.float32))
    assert 0 < label.mean() < 1
    assert first_moving + OBJECTS * PARTS == SLOTS
    # What the label says is what the motion is: still surfaces share the camera's motion, moving ones have another.
    camera_a, camera_b = scene.a[:, :1], scene.b[:, :1]
    same = ((scene.a - camera_a).abs().amax((2, 3)) < 1e-7) & ((scene.b - camera_b).abs().amax(2) < 1e-7)  # (N, K)
    assert torch.equal(same, ~scene.moving)


def test_without_objects_nothing_is_labelled():
    scene = random_scene(6, HEIGHT, WIDTH, seed=1, objects=0)
    assert scene.label().sum() == 0
    assert (scene.slot > 0).any()  # still objects are there


def test_nothing_moves_before_a_fixed_camera():
    """Still objects and depth steps show no flow once the camera stands still."""
    scene = random_scene(6, HEIGHT, WIDTH, seed=1, objects=0)
    scene.a[:], scene.b[:] = torch.eye(3), 0.0
    scene.waves.zero_()
    scene.focal_after = scene.focal
    assert scene.flow().abs().max() < 1e-4


def test_a_travelling_camera_shows_depth_and_a_turning_one_does_not():
    scene = random_scene(6, HEIGHT, WIDTH, seed=1, objects=0)
    scene.a[:], scene.b[:] = torch.eye(3), torch.tensor([0.05, 0.0, 0.0])
    scene.waves.zero_()
    scene.focal_after = scene.focal
    expected = scene.focal[:, None, None] * 0.05 * scene.rho * WIDTH / 2
    torch.testing.assert_close(scene.flow()[:, 0], expected, atol=1e-4, rtol=1e-4)


def test_the_same_seed_gives_the_same_batch():
    a, b, c = (batch(3, HEIGHT, WIDTH, seed) for seed in (5, 5, 6))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1], b[1])
    assert not torch.equal(a[0], c[0])


def test_errors_are_errors_of_flow_not_of_labels():
    spoilt, label = batch(8, HEIGHT, WIDTH, 2)
    exact, exact_label = batch(8, HEIGHT, WIDTH, 2, exact=True)
    assert torch.equal(label, exact_label)
    assert torch.isfinite(spoilt).all()
    error = (spoilt - exact).norm(dim=1).flatten(1).median(dim=1).values
    assert (error > 0).all() and not torch.equal(spoil(exact, 1), spoil(exact, 2))


def test_magnitudes_span_those_of_video():
    flow, _ = batch(64, HEIGHT, WIDTH, 0, exact=True)
    typical = flow.norm(dim=1).flatten(1).median(dim=1).values * 854 / WIDTH  # by scene, in pixels of an 854-wide frame
    assert typical.min() < 1 and typical.max() > 25
    assert ((typical > 1) & (typical < 25)).float().mean() > 0.4
