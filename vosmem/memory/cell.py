"""What all kinds of convolutional memory have in common: what depends on the input alone is computed for all time steps
at once, and only the rest step by step.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vosmem.memory.convolution import Convolution


class Cell(nn.Module):
    """One kind of memory. It has ``from_input``, the convolution of all that depends on the input alone, and a step.

    ``inputs``, ``state``: channels C and S; ``kernel``: side of all convolutions, odd.
    """

    TERMS: int  # how many times the state's channels the input terms have
    CARRIED = 1  # and what goes from step to step

    def __init__(self, inputs: int, state: int, kernel: int):
        super().__init__()
        self.state = state
        self.from_input = Convolution(inputs, self.TERMS * state, kernel)

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
        pairs = _pairs(self.input_terms(x), bidirectional)
        carried = self.begin(x, 1 + bidirectional)  # (D, CARRIED S, h, w)
        if not segment:
            _, steps = self._advance(carried, pairs)
            return _in_order(steps, 0, len(x), len(x))
        steps = []
        for start in range(0, len(pairs), segment):
            part = pairs[start : start + segment]
            carried, states = checkpoint(self._advance, carried, part, use_reentrant=False)
            steps += states
        return _in_order(steps, 0, len(x), len(x))

    def within(self, terms: Tensor, start: int, stop: int, bidirectional: bool = True) -> Tensor:
        """:meth:`forward` of frames ``start`` : ``stop`` alone: (n, 2S or S, h, w).

        ``terms``: (T, TERMS S, h, w), the :meth:`input_terms` of all the clip. Each pass ends behind the last of these
        frames that it comes to.
        """
        pairs = _pairs(terms, bidirectional)
        needed = max(stop, len(terms) - start) if bidirectional else stop
        _, steps = self._advance(self.begin(terms, 1 + bidirectional), pairs[:needed])
        return _in_order(steps, start, stop, len(terms))

    def _advance(self, carried: Tensor, terms: Sequence[Sequence[Tensor]]) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
        """Some steps: what is carried out of them, and of each the state of each direction, (S, h, w)."""
        steps = []
        for of_step in terms:
            carried = self.step(torch.stack(list(of_step)), carried)
            steps.append(self.shown(carried).unbind(0))
        return carried, steps


def _pairs(terms: Tensor, bidirectional: bool) -> list[tuple[Tensor, ...]]:
    """What each step takes, a direction each: (K, h, w) of the first and of the last frame, of the second ..."""
    frames = terms.unbind(0)
    return list(zip(frames, reversed(frames), strict=True) if bidirectional else zip(frames, strict=True))


def _in_order(steps: Sequence[tuple[Tensor, ...]], start: int, stop: int, length: int) -> Tensor:
    """The states of frames ``start`` : ``stop`` of ``length`` out of those of the steps: (n, 2S or S, h, w)."""
    if len(steps[0]) == 1:
        return torch.stack([state for (state,) in steps[start:stop]])
    both = [state for t in range(start, stop) for state in (steps[t][0], steps[length - 1 - t][1])]
    return torch.stack(both).view(stop - start, -1, *both[0].shape[-2:])  # copied once, in the order of frames
