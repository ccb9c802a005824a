"""The convolutional gated recurrent unit.

LVO (Tokmakov, Alahari, Schmid, ICCV 2017), section 3.2; Ballas et al., *Delving Deeper into Convolutional Networks for
Learning Video Representations*, ICLR 2016. With * a convolution, . the product cell by cell, s the logistic function:

    z_t = s(Wxz * x_t + Whz * h_{t-1} + bz)             how much of the state is replaced
    r_t = s(Wxr * x_t + Whr * h_{t-1} + br)             how much of the state the candidate sees
    c_t = tanh(Wxc * x_t + Whc * (r_t . h_{t-1}) + bc)  the candidate
    h_t = (1 - z_t) . h_{t-1} + z_t . c_t,   h_0 = 0
"""

from __future__ import annotations

import torch
from torch import Tensor

from vosmem.memory.cell import Cell
from vosmem.memory.convolution import Convolution


class ConvGRU(Cell):
    """A ConvGRU. ``inputs``, ``state``: channels C and S; ``kernel``: side of all convolutions, odd."""

    TERMS = 3  # Wxz, Wxr, Wxc and bz, br, bc

    def __init__(self, inputs: int, state: int, kernel: int):
        super().__init__(inputs, state, kernel)
        self.gates = Convolution(state, 2 * state, kernel, bias=False)  # Whz, Whr
        self.candidate = Convolution(state, state, kernel, bias=False)  # Whc

    def step(self, terms: Tensor, h: Tensor) -> Tensor:
        """One time step: ``terms`` (N, 3S, h, w) from :meth:`input_terms`, ``h`` (N, S, h, w) -> (N, S, h, w)."""
        xz, xr, xc = terms.chunk(3, dim=1)  # (N, S, h, w) each
        hz, hr = self.gates(h).chunk(2, dim=1)  # (N, S, h, w) each
        z = torch.sigmoid(xz + hz)
        r = torch.sigmoid(xr + hr)
        c = torch.tanh(xc + self.candidate(r * h))
        return (1 - z) * h + z * c
