"""The convolutional gated recurrent unit, and its bidirectional form with shared weights.

LVO (Tokmakov, Alahari, Schmid, ICCV 2017), section 3.2; Ballas et al., *Delving Deeper into Convolutional Networks for
Learning Video Representations*, ICLR 2016. With * a convolution, . the product cell by cell, s the logistic function:

    z_t = s(Wxz * x_t + Whz * h_{t-1} + bz)             how much of the state is replaced
    r_t = s(Wxr * x_t + Whr * h_{t-1} + br)             how much of the state the candidate sees
    c_t = tanh(Wxc * x_t + Whc * (r_t . h_{t-1}) + bc)  the candidate
    h_t = (1 - z_t) . h_{t-1} + z_t . c_t,   h_0 = 0

What depends on x alone is one convolution over all gates and all time steps; only the rest is sequential.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvGRU(nn.Module):
    """A ConvGRU. ``inputs``, ``state``: channels C and S; ``kernel``: side of all convolutions, odd."""

    def __init__(self, inputs: int, state: int, kernel: int):
        super().__init__()
        padding = kernel // 2
        self.state = state
        self.from_input = nn.Conv2d(inputs, 3 * state, kernel, padding=padding)  # Wxz, Wxr, Wxc and bz, br, bc
        self.gates = nn.Conv2d(state, 2 * state, kernel, padding=padding, bias=False)  # Whz, Whr
        self.candidate = nn.Conv2d(state, state, kernel, padding=padding, bias=False)  # Whc

    def step(self, terms: Tensor, h: Tensor) -> Tensor:
        """One time step: ``terms`` (N, 3S, h, w) from :meth:`input_terms`, ``h`` (N, S, h, w) -> (N, S, h, w)."""
        xz, xr, xc = terms.chunk(3, dim=1)  # (N, S, h, w) each
        hz, hr = self.gates(h).chunk(2, dim=1)  # (N, S, h, w) each
        z = torch.sigmoid(xz + hz)
        r = torch.sigmoid(xr + hr)
        c = torch.tanh(xc + self.candidate(r * h))
        return (1 - z) * h + z * c

    def input_terms(self, x: Tensor) -> Tensor:
        """Wx * x + b of all gates: (T, C, h, w) -> (T, 3S, h, w)."""
        return self.from_input(x)

    def forward(self, x: Tensor, bidirectional: bool = True) -> Tensor:
        """All states of a clip.

        ``x``: (T, C, h, w). Returns (T, 2S, h, w): the state of the forward pass, which has seen frames 0..t, then that
        of the backward pass, which has seen T-1..t; (T, S, h, w) where not ``bidirectional``. Both passes use the same
        weights and advance together, as a batch of two.
        """
        terms = self.input_terms(x)  # (T, 3S, h, w)
        terms = torch.stack([terms, terms.flip(0)], dim=1) if bidirectional else terms[:, None]  # (T, D, 3S, h, w)
        h = x.new_zeros(terms.shape[1], self.state, *x.shape[-2:])  # (D, S, h, w)
        states = []
        for terms_t in terms:
            h = self.step(terms_t, h)
            states.append(h)
        states = torch.stack(states, dim=1)  # (D, T, S, h, w)
        if not bidirectional:
            return states[0]
        return torch.cat([states[0], states[1].flip(0)], dim=1)  # (T, 2S, h, w)
