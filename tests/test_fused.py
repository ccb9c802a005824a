"""A convolution with its ReLU in one pass: the values of the two, and of the two themselves where that cannot be."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from vosmem import fused

SHAPES = {
    "3x3": nn.Conv2d(4, 6, 3, padding=1),
    "strided": nn.Conv2d(4, 6, 3, stride=2, padding=1),
    "dilated": nn.Conv2d(4, 6, (3, 5), padding=(2, 4), dilation=2),
    "depthwise, no bias": nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),
    "named padding": nn.Conv2d(4, 6, 3, padding="same"),
    "mirrored": nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
}
needs_it = pytest.mark.skipif(not fused._types(), reason="this PyTorch has no oneDNN")


def one_pass(convolution, x):
    """How often the operator ran."""
    with torch.inference_mode(), torch.profiler.profile() as profiled:
        fused.rectified(convolution, x)
    return sum(e.count for e in profiled.key_averages() if e.key == "mkldnn::_convolution_pointwise")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values(shape, dtype):
    torch.manual_seed(0)
    convolution, x = SHAPES[shape].to(dtype), torch.randn(2, 4, 9, 7, dtype=dtype)
    with torch.inference_mode():
        expected = torch.clamp(convolution.double()(x.double()), min=0)
        torch.testing.assert_close(fused.rectified(convolution.to(dtype), x), expected.to(dtype))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(0, 3), st.integers(5, 12), st.booleans())
def test_is_the_two_of_any_shape(kernel, dilation, stride, padding, side, last):
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 5, kernel, stride, padding, dilation)
    x = torch.randn(1, 3, side + 2, side)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    with torch.inference_mode():
        if dilation * (kernel - 1) < side + 2 * padding:
            torch.testing.assert_close(fused.rectified(convolution, x), convolution(x).relu())


@needs_it
def test_in_one_pass_where_it_can_be():
    x = torch.randn(1, 4, 8, 8)
    assert one_pass(SHAPES["3x3"].float(), x) == one_pass(SHAPES["dilated"].float(), x) == 1
    assert one_pass(SHAPES["named padding"].float(), x) == one_pass(SHAPES["mirrored"].float(), x) == 0


def test_a_gradient_is_the_two_s():
    convolution, x = nn.Conv2d(4, 6, 3), torch.randn(1, 4, 8, 8, requires_grad=True)
    (own,) = torch.autograd.grad(fused.rectified(convolution, x).sum(), x)
    (expected,) = torch.autograd.grad(convolution(x).relu().sum(), x)
    assert torch.equal(own, expected)


def test_hooks_are_called():
    convolution, seen = nn.Conv2d(4, 6, 3), []
    convolution.register_forward_hook(lambda *_: seen.append(1))
    with torch.inference_mode():
        fused.rectified(convolution, torch.randn(1, 4, 8, 8))
    assert seen == [1]


def test_multiplies_in_what_autocast_says():
    convolution, x = nn.Conv2d(4, 6, 3, padding=1), torch.randn(1, 4, 8, 8)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        found = fused.rectified(convolution, x)
        assert found.dtype == torch.bfloat16
        torch.testing.assert_close(found, convolution(x).relu())


def test_without_the_operator(monkeypatch):
    monkeypatch.setattr(fused, "_types", frozenset)
    convolution, x = nn.Conv2d(4, 6, 3), torch.randn(1, 4, 8, 8)
    with torch.inference_mode():
        assert torch.equal(fused.rectified(convolution, x), convolution(x).relu())
