"""The ConvGRU against a plain float64 reference written from the paper's equations."""

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from vosmem.memory.convgru import ConvGRU

T, C, S, H, W, KERNEL = 5, 3, 4, 6, 7, 3


def convolve(weight, maps):
    """(O, I, k, k) * (I, h, w) -> (O, h, w), zero padding, each output written as a sum over inputs."""
    return np.stack([sum(correlate2d(m, k, mode="same") for m, k in zip(maps, row, strict=True)) for row in weight])


def logistic(a):
    return 1 / (1 + np.exp(-a))


def reference(gru, x):
    """h_1 .. h_T of one direction, straight from the equations, gate by gate."""
    p = {name: t.detach().numpy() for name, t in gru.named_parameters()}
    wxz, wxr, wxc = np.split(p["from_input.weight"], 3)
    bz, br, bc = (b[:, None, None] for b in np.split(p["from_input.bias"], 3))
    whz, whr = np.split(p["gates.weight"], 2)
    whc = p["candidate.weight"]
    h = np.zeros((S, H, W))
    states = []
    for x_t in x:
        z = logistic(convolve(wxz, x_t) + convolve(whz, h) + bz)
        r = logistic(convolve(wxr, x_t) + convolve(whr, h) + br)
        c = np.tanh(convolve(wxc, x_t) + convolve(whc, r * h) + bc)
        h = (1 - z) * h + z * c
        states.append(h)
    return np.stack(states)


@pytest.fixture
def gru():
    torch.manual_seed(0)
    return ConvGRU(C, S, KERNEL).double()


@pytest.fixture
def x():
    return torch.randn(T, C, H, W, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_both_directions_agree_with_the_equations_step_by_step(gru, x):
    states = gru(x).detach().numpy()
    assert states.shape == (T, 2 * S, H, W)
    forward = reference(gru, x.numpy())
    backward = reference(gru, x.numpy()[::-1])[::-1]
    for t in range(T):
        np.testing.assert_allclose(states[t, :S], forward[t], atol=1e-6, rtol=0)
        np.testing.assert_allclose(states[t, S:], backward[t], atol=1e-6, rtol=0)


def test_unidirectional_is_the_forward_half(gru, x):
    torch.testing.assert_close(gru(x, bidirectional=False), gru(x)[:, :S])


def test_directions_share_their_weights(gru, x):
    """Reversing the clip swaps the two directions."""
    ahead, back = gru(x), gru(x.flip(0)).flip(0)
    torch.testing.assert_close(ahead, torch.cat([back[:, S:], back[:, :S]], 1))


def test_gradients(gru, x):
    small = x[:3, :, :3, :3].clone().requires_grad_()
    parameters = tuple(gru.parameters())
    assert torch.autograd.gradcheck(lambda v, *_: gru(v), (small, *parameters), fast_mode=False, atol=1e-6)


@pytest.mark.parametrize("kernel", [1, 5, 7])
def test_shapes_are_kept_for_every_kernel(kernel):
    assert ConvGRU(2, 3, kernel)(torch.zeros(2, 2, 5, 4)).shape == (2, 6, 5, 4)
