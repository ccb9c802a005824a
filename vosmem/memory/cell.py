"""What all kinds of convolutional memory have in common: what depends on the input alone is computed for all time steps
at once, and only the rest step by step.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Cell(nn.Module):
    """One kind of memory. It has ``from_input``, the convolution of all that depends on the input alone, and a step.

    ``inputs``, ``state``: channels C and S; ``kernel``: side of all convolutions, odd.
    """

    TERMS: int  # how many times the state's channels the input terms have
    CARRIED = 1  # and what goes from step to step

    def __init__(self, inputs: int, state: int, kernel: int):
        super().__init__()
        self.state = state
        self.from_input = nn.Conv2d(inputs, self.TERMS * state, kernel, padding=kernel // 2)

    def input_terms(self, x: Tensor) -> Tensor:
        """Wx * x + b of all gates: (T, C, h, w) -> (T, TERMS S, h, w)."""
        return self.from_input(x)

    def begin(self, x: Tensor, directions: int = 1) -> Tensor:
        """What is carried into the first step: zeros (directions, CARRIED S, h, w), for maps like ``x`` (..., h, w)."""
        return x.new_zeros(directions, self.CARRIED * self.state, *x.shape[-2:])

    def step(self, terms: Tensor, carried: Tensor) -> Tensor:
        """One time step: ``terms`` (N, TERMS S, h, w), ``carried`` -> the next one, (N, CARRIED S, h, w) both."""
        raise NotImplementedError

    def shown(self, carried: Tensor) -> Tensor:
        """What of it is read out: (N, CARRIED S, h, w) -> the state (N, S, h, w)."""
        return carried  # itself: another node of the graph would have gradients summed in another order

    def forward(self, x: Tensor, bidirectional: bool = True) -> Tensor:
        """All states of a clip.

        ``x``: (T, C, h, w). Returns (T, 2S, h, w): the state of the forward pass, which has seen frames 0..t, then that
        of the backward pass, which has seen T-1..t; (T, S, h, w) where not ``bidirectional``. Both passes use the same
        weights and advance together, as a batch of two.
        """
        terms = self.input_terms(x)  # (T, K, h, w)
        terms = torch.stack([terms, terms.flip(0)], dim=1) if bidirectional else terms[:, None]  # (T, D, K, h, w)
        carried = self.begin(x, terms.shape[1])  # (D, CARRIED S, h, w)
        states = []
        for terms_t in terms:
            carried = self.step(terms_t, carried)
            states.append(self.shown(carried))
        states = torch.stack(states, dim=1)  # (D, T, S, h, w)
        if not bidirectional:
            return states[0]
        return torch.cat([states[0], states[1].flip(0)], dim=1)  # (T, 2S, h, w)
