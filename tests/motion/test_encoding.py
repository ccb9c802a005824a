"""Encodings against plain float64 formulas, free of scale."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vosmem.motion.camera import fit_camera
from vosmem.motion.encoding import CHANNELS, ENCODINGS


def some_flow(seed=0, n=2, height=30, width=54, size=6.0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(n, 2, height, width, generator=g, dtype=torch.float64) * size


def test_published_encoding_pixel_by_pixel():
    flow = some_flow(size=0.3)
    got = ENCODINGS["published"](flow).numpy()
    n, _, height, width = flow.shape
    stills = 0
    for i in range(n):
        for row in range(height):
            for column in range(width):
                u, v = (float(c) for c in flow[i, :, row, column])
                magnitude = math.hypot(u, v)
                still = magnitude * 854 / width <= 1
                stills += still
                angle = 0 if still else math.acos(u / magnitude)
                assert got[i, 0, row, column] == pytest.approx(angle, abs=1e-12)
                assert got[i, 1, row, column] == pytest.approx(magnitude / (math.sqrt(width**2 + height**2) / 6))
    assert 0 < stills < n * height * width  # both branches were met


def test_published_angle_by_hand():
    flow = torch.zeros(1, 2, 4, 854)
    for column, (u, v) in enumerate([(3, 0), (-3, 0), (0, 3), (0, -3), (2, 2), (0.9, 0), (0, 0)]):
        flow[0, :, 0, column] = torch.tensor([u, v], dtype=torch.float32)
    angle = ENCODINGS["published"](flow)[0, 0, 0, :7]
    expected = torch.tensor([0, math.pi, math.pi / 2, math.pi / 2, math.pi / 4, 0, 0])
    torch.testing.assert_close(angle, expected, atol=1e-3, rtol=0)


def test_residual_encoding():
    flow = some_flow()
    got = ENCODINGS["residual"](flow).numpy()
    camera, scale = (t.numpy() for t in fit_camera(flow))
    one_pixel = math.hypot(30, 54) / math.hypot(480, 854)
    plain = flow.numpy()
    expected = [plain / (2 * one_pixel), (plain - camera) / (0.5 * one_pixel), (plain - camera) / (3 * scale)]
    np.testing.assert_allclose(got, np.arcsinh(np.concatenate(expected, axis=1)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ENCODINGS)
def test_channels(name):
    assert ENCODINGS[name](some_flow()).shape == (2, CHANNELS[name], 30, 54)


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(ENCODINGS)),
    times=st.integers(2, 4),
    seed=st.integers(0, 999),
    size=st.sampled_from([0.02, 1, 20]),
)
def test_another_resolution_gives_the_same_input(name, times, seed, size):
    """Each pixel becomes a block of times x times, each vector as many times as long."""
    flow = some_flow(seed, 1, 24, 40, size)
    larger = flow.repeat_interleave(times, 2).repeat_interleave(times, 3) * times
    got = ENCODINGS[name](larger)[:, :, ::times, ::times]
    if name != "residual":
        torch.testing.assert_close(got, ENCODINGS[name](flow), rtol=1e-6, atol=1e-9)
    else:  # the fit sees other sample points: the components that do not depend on it agree exactly
        torch.testing.assert_close(got[:, :2], ENCODINGS[name](flow)[:, :2], rtol=1e-6, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(times=st.floats(1.5, 6), seed=st.integers(0, 999))
def test_residual_of_a_smooth_field_does_not_depend_on_the_resolution(times, seed):
    """The same continuous field, sampled at two resolutions: equal where a sampled position is shared (the centre)."""
    g = np.random.default_rng(seed)
    coefficients = g.normal(size=(2, 4)) * 0.02
    bump = g.uniform(-0.3, 0.3, 2)

    def sampled(height, width):
        d = math.hypot(height, width)
        y, x = np.meshgrid(
            (np.arange(height) - (height - 1) / 2) / d, (np.arange(width) - (width - 1) / 2) / d, indexing="ij"
        )
        blob = np.exp(-((x - bump[0]) ** 2 + (y - bump[1]) ** 2) / 0.005)
        field = [c[0] + c[1] * x + c[2] * y + c[3] * x * y + 0.02 * blob for c in coefficients]
        return torch.tensor(np.stack(field) * d)[None]

    height, width = 45, 81
    small = ENCODINGS["residual"](sampled(height, width))
    other = (round(height * times) // 2 * 2 + 1, round(width * times) // 2 * 2 + 1)
    large = ENCODINGS["residual"](sampled(*other))
    torch.testing.assert_close(
        small[0, :4, height // 2, width // 2], large[0, :4, other[0] // 2, other[1] // 2], atol=0.25, rtol=0.05
    )
