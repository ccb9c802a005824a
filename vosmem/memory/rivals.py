"""The ConvGRU's rivals in the paper's ablation, with its interface: ConvLSTM, ConvRNN, and no memory at all.

Notation as in :mod:`vosmem.memory.convgru`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vosmem.memory.cell import Cell
from vosmem.memory.convgru import ConvGRU
from vosmem.memory.convolution import Convolution


class ConvLSTM(Cell):
    """Shi et al., *Convolutional LSTM Network*, NIPS 2015, without its peepholes, which are of one frame size.

    i_t = s(Wxi * x_t + Whi * h_{t-1} + bi)     how much of the candidate is taken
    f_t = s(Wxf * x_t + Whf * h_{t-1} + bf)     how much of the cell is kept
    o_t = s(Wxo * x_t + Who * h_{t-1} + bo)     how much of the cell is shown
    g_t = tanh(Wxg * x_t + Whg * h_{t-1} + bg)  the candidate
    c_t = f_t . c_{t-1} + i_t . g_t,   h_t = o_t . tanh(c_t),   c_0 = h_0 = 0
    """

    TERMS = 4  # i, f, o, g
    CARRIED = 2  # h, c

    def __init__(self, inputs: int, state: int, kernel: int):
        super().__init__(inputs, state, kernel)
        self.from_state = Convolution(state, 4 * state, kernel, bias=False)  # Whi, Whf, Who, Whg

    def step(self, terms: Tensor, carried: Tensor) -> Tensor:
        """One time step: ``terms`` (N, 4S, h, w), ``carried`` (N, 2S, h, w), h then c -> (N, 2S, h, w)."""
        h, c = carried.chunk(2, dim=1)  # (N, S, h, w) each
        i, f, o, g = (terms + self.from_state(h)).chunk(4, dim=1)  # (N, S, h, w) each
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.cat([torch.sigmoid(o) * torch.tanh(c), c], dim=1)

    def shown(self, carried: Tensor) -> Tensor:
        """h: (N, 2S, h, w) -> (N, S, h, w)."""
        return carried[:, : self.state]


class ConvRNN(Cell):
    """h_t = tanh(Wx * x_t + Wh * h_{t-1} + b),   h_0 = 0."""

    TERMS = 1

    def __init__(self, inputs: int, state: int, kernel: int):
        super().__init__(inputs, state, kernel)
        self.from_state = Convolution(state, state, kernel, bias=False)  # Wh

    def step(self, terms: Tensor, h: Tensor) -> Tensor:
        """One time step: ``terms``, ``h`` (N, S, h, w) -> (N, S, h, w)."""
        return torch.tanh(terms + self.from_state(h))


class NoMemory(Cell):
    """h_t = tanh(Wx * x_t + b): each frame by itself."""

    TERMS = 1

    def step(self, terms: Tensor, _: Tensor) -> Tensor:
        """(N, S, h, w) -> (N, S, h, w), whatever was before."""
        return torch.tanh(terms)


CELLS: dict[str, type[Cell]] = {"convgru": ConvGRU, "convlstm": ConvLSTM, "convrnn": ConvRNN, "none": NoMemory}
