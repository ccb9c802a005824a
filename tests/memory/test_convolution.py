"""Convolutions by products of spectra, against sums written down in float64 and against torch's own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate2d
from torch.nn import functional as F

from vosmem.memory.convolution import TILE, Convolution, correlate


def maps(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("k", [1, 3, 5, 7, 9, 15])
@pytest.mark.parametrize("size", [(1, 1), (3, 20), (10, 10), (11, 23)])
def test_values_are_the_sums_over_channels_of_scipys_correlations(k, size):
    x, weight = maps(2, 3, *size), maps(4, 3, k, k, seed=1)
    wide = F.pad(x, (k // 2,) * 4).numpy()
    expected = [
        [sum(correlate2d(a, b, mode="valid") for a, b in zip(one, row, strict=True)) for row in weight] for one in wide
    ]
    np.testing.assert_allclose(correlate(x, weight), np.stack(expected), atol=1e-12, rtol=0)


@settings(max_examples=30, deadline=None)
@given(
    batch=st.integers(1, 3), inputs=st.integers(1, 5), outputs=st.integers(1, 5), k=st.sampled_from([3, 5, 7, 9]),
    height=st.integers(1, 40), width=st.integers(1, 40), seed=st.integers(0, 99),
)  # fmt: skip
def test_of_any_shape_it_is_what_conv2d_gives(batch, inputs, outputs, k, height, width, seed):
    x, weight = maps(batch, inputs, height, width, seed=seed), maps(outputs, inputs, k, k, seed=seed + 1)
    torch.testing.assert_close(correlate(x, weight), F.conv2d(x, weight, padding=k // 2), atol=1e-11, rtol=0)


def test_gradients_are_those_of_conv2d():
    found = []
    for convolve in (correlate, lambda x, w: F.conv2d(x, w, padding=3)):
        x, weight = maps(2, 3, 13, 21).requires_grad_(), maps(4, 3, 7, 7, seed=1).requires_grad_()
        (convolve(x, weight) * maps(2, 4, 13, 21, seed=2)).sum().backward()
        found.append((x.grad, weight.grad))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-10, rtol=0)


def test_in_float32_it_is_as_close_to_the_truth_as_conv2d():
    x, weight = maps(1, 64, 60, 107, dtype=torch.float32), maps(32, 64, 7, 7, seed=1, dtype=torch.float32)
    truth = F.conv2d(x.double(), weight.double(), padding=3)
    off = (correlate(x, weight) - truth).abs().max()
    assert off < 2 * (F.conv2d(x, weight, padding=3) - truth).abs().max()
    assert off < 1e-5 * truth.std()


def test_maps_in_any_layout_are_taken():
    x, weight = maps(2, 3, 13, 21), maps(4, 3, 7, 7, seed=1)
    expected = correlate(x, weight)
    torch.testing.assert_close(correlate(x.contiguous(memory_format=torch.channels_last), weight), expected)
    torch.testing.assert_close(correlate(x.mT, weight.mT), expected.mT)


@pytest.mark.parametrize("shape", [(4, 3, 7, 5), (4, 3, 4, 4), (4, 3, TILE + 1, TILE + 1)])
def test_kernels_that_it_cannot_take_are_told(shape):
    with pytest.raises(ValueError, match=r"kernel: got .*odd and below 16"):
        correlate(maps(1, 3, 8, 8), maps(*shape))


@pytest.mark.parametrize("kernel", [1, 3, 5, 7, 9])
@pytest.mark.parametrize("size", [(13, 21), (61, 43)])
@pytest.mark.parametrize("bias", [True, False])
def test_the_module_is_conv2d_of_the_same_weights(kernel, size, bias):
    torch.manual_seed(0)
    ours = Convolution(3, 4, kernel, bias=bias)
    theirs = torch.nn.Conv2d(3, 4, kernel, padding="same", bias=bias)
    theirs.load_state_dict(ours.state_dict())
    x = maps(2, 3, *size, dtype=torch.float32)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=0)


def test_small_kernels_small_maps_and_autocast_go_by_torchs_own_convolution(monkeypatch):
    taken = []
    monkeypatch.setattr("vosmem.memory.convolution.correlate", lambda x, w: taken.append(w.shape[-1]) or x[:, :1])
    large, small = maps(1, 2, 60, 107, dtype=torch.float32), maps(1, 2, 12, 20, dtype=torch.float32)
    for kernel in (3, 5, 7):
        Convolution(2, 1, kernel)(large)
        Convolution(2, 1, kernel)(small)
    assert taken == [5, 7]
    with torch.autocast("cpu", torch.bfloat16):
        assert Convolution(2, 1, 7)(large).dtype == torch.bfloat16
    assert taken == [5, 7]


def test_what_was_made_without_gradients_serves_training_too():
    layer, x = Convolution(2, 2, 7), maps(1, 2, 40, 40, dtype=torch.float32)
    with torch.inference_mode():
        layer(x)
    layer(x).sum().backward()
    assert layer.weight.grad is not None
