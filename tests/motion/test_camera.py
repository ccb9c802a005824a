"""The robust fit finds the camera's flow under what moves otherwise."""

import numpy as np
import pytest
import torch

from vosmem.motion import rivals
from vosmem.motion.camera import fit_camera

HEIGHT, WIDTH = 58, 106


def camera_field(seed):
    """A quadratic field in plain float64: (2, H, W) in pixels."""
    rng = np.random.default_rng(seed)
    field = np.zeros((2, HEIGHT, WIDTH))
    coefficients = rng.normal(size=(2, 6)) * [3, 2, 2, 1, 1, 1]
    for row in range(HEIGHT):
        for column in range(WIDTH):
            x, y = (column - (WIDTH - 1) / 2) / WIDTH, (row - (HEIGHT - 1) / 2) / WIDTH
            field[:, row, column] = coefficients @ [1, x, y, x * x, x * y, y * y]
    return field


@pytest.mark.parametrize("seed", range(5))
def test_an_exact_camera_field_is_recovered(seed):
    field = torch.tensor(camera_field(seed))[None]
    camera, scale = fit_camera(field)
    torch.testing.assert_close(camera, field, atol=1e-3, rtol=0)
    assert scale.item() == pytest.approx(1e-4 * np.hypot(HEIGHT, WIDTH))  # the floor


@pytest.mark.parametrize("seed", range(5))
def test_thirty_per_cent_of_outliers_do_no_harm(seed):
    field = camera_field(seed)
    rng = np.random.default_rng(100 + seed)
    rows, columns = round(HEIGHT * 0.6), round(WIDTH * 0.5)  # 30 % of the frame, in one piece: an object
    top, left = rng.integers(0, HEIGHT - rows), rng.integers(0, WIDTH - columns)
    spoilt = field.copy()
    spoilt[:, top : top + rows, left : left + columns] += np.array([7.0, -4.0])[:, None, None]
    spoilt += rng.normal(size=spoilt.shape) * 0.02
    camera, _ = fit_camera(torch.tensor(spoilt)[None])
    assert np.abs(camera[0].numpy() - field).max() < 0.1
    # Plain least squares would not do: the object pulls it by pixels.
    y, x = (c.ravel() / WIDTH for c in np.mgrid[:HEIGHT, :WIDTH])
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    plain = (terms @ np.linalg.lstsq(terms, spoilt.reshape(2, -1).T)[0]).T.reshape(spoilt.shape)
    assert np.abs(plain - field).max() > 1


def test_fields_of_a_batch_do_not_meet():
    fields = torch.tensor(np.stack([camera_field(0), camera_field(1) * 20]))
    both, scales = fit_camera(fields)
    for i in range(2):
        alone, scale = fit_camera(fields[i : i + 1])
        torch.testing.assert_close(both[i], alone[0])
        torch.testing.assert_close(scales[i], scale[0])


@pytest.mark.parametrize("rival", [rivals.camera_residual, rivals.flow_magnitude])
def test_rivals_light_up_what_moves_and_know_no_scale(rival):
    flow = torch.zeros(1, 2, 116, 212) + torch.tensor([4.0, 1.0])[None, :, None, None]
    flow[:, :, 40:80, 60:100] += torch.tensor([-3.0, 2.0])[None, :, None, None]
    p = rival(flow)
    assert p.shape == (1, 1, 58, 106)
    assert p[0, 0, 20:40, 30:50].min() > 0.8
    assert p[0, 0, :18].max() < 0.05
    assert p.min() >= 0 and p.max() < 1
    twice = rival(2 * flow.repeat_interleave(2, 2).repeat_interleave(2, 3))
    torch.testing.assert_close(twice[:, :, ::2, ::2], p, atol=0.01, rtol=0)
