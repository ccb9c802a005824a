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
        terms = self.input_terms(x).unbind(0)  # T of (K, h, w)
        carried = self.begin(x, 1 + bidirectional)  # (D, CARRIED S, h, w)
        passes: tuple[list[Tensor], ...] = ([], [])[: 1 + bidirectional]
        for first, last in zip(terms, reversed(terms), strict=True):
            carried = self.step(torch.stack([first, last] if bidirectional else [first]), carried)
            for states, state in zip(passes, self.shown(carried).unbind(0), strict=True):
                states.append(state)  # (S, h, w)
        if not bidirectional:
            return torch.stack(passes[0])  # (T, S, h, w)
        both = [state for pair in zip(passes[0], reversed(passes[1]), strict=True) for state in pair]
        return torch.stack(both).view(len(x), -1, *x.shape[-2:])  # (T, 2S, h, w): copied once, in the order of frames
