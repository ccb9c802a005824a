"""What all kinds of convolutional memory have in common: what depends on the input alone is computed for all time steps
at once, and only the rest step by step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


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

    def forward(self, x: Tensor, bidirectional: bool = True, segment: int = 0) -> Tensor:
        """All states of a clip.

        ``x``: (T, C, h, w). Returns (T, 2S, h, w): the state of the forward pass, which has seen frames 0..t, then that
        of the backward pass, which has seen T-1..t; (T, S, h, w) where not ``bidirectional``. Both passes use the same
        weights and advance together, as a batch of two. ``segment``: steps whose intermediate values are kept for the
        gradient, those of all others being computed again; 0 keeps all.
        """
        terms = self.input_terms(x).unbind(0)  # T of (K, h, w)
        pairs = [[a, b][: 1 + bidirectional] for a, b in zip(terms, reversed(terms), strict=True)]
        carried = self.begin(x, 1 + bidirectional)  # (D, CARRIED S, h, w)
        steps: list[tuple[Tensor, ...]] = []  # of each, the state (S, h, w) of each direction
        if not segment:
            carried, steps = self._advance(carried, pairs)
        else:
            for start in range(0, len(pairs), segment):
                part = pairs[start : start + segment]
                carried, states = checkpoint(self._advance, carried, part, use_reentrant=False)
                steps += states
        if not bidirectional:
            return torch.stack([state for (state,) in steps])  # (T, S, h, w)
        both = [state for t, (forward, _) in enumerate(steps) for state in (forward, steps[-1 - t][1])]
        return torch.stack(both).view(len(x), -1, *x.shape[-2:])  # (T, 2S, h, w): copied once, in the order of frames

    def _advance(self, carried: Tensor, terms: Sequence[Sequence[Tensor]]) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
        """Some steps: what is carried out of them, and of each the state of each direction, (S, h, w)."""
        steps = []
        for of_step in terms:
            carried = self.step(torch.stack(of_step), carried)
            steps.append(self.shown(carried).unbind(0))
        return carried, steps
