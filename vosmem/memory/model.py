"""The visual memory: from both streams' maps to the probability of object, for every frame of a clip.

LVO, section 3: appearance is projected by two 1x1 convolutions with tanh, joined by the motion map, remembered by a
bidirectional ConvGRU; a 3x3 convolution joins the two directions' states, a 1x1 convolution and a softmax over
{background, object} read them out.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vosmem.memory.convgru import ConvGRU


class VisualMemory(nn.Module):
    """``appearance``, ``motion``: channels of the two streams, 0 for a stream that is left out."""

    def __init__(self, appearance: int, motion: int, projection: int, state: int, kernel: int, bidirectional: bool):
        super().__init__()
        if not appearance and not motion:
            raise ValueError("both streams have 0 channels, expected at least one stream")
        self.bidirectional = bidirectional
        self.register_buffer("mean", torch.zeros(appearance, 1, 1))
        self.register_buffer("deviation", torch.ones(appearance, 1, 1))
        self.projection = (
            nn.Sequential(
                nn.Conv2d(appearance, projection, 1), nn.Tanh(), nn.Conv2d(projection, projection, 1), nn.Tanh()
            )
            if appearance
            else None
        )
        self.memory = ConvGRU((projection if appearance else 0) + motion, state, kernel)
        self.join = nn.Conv2d(state * (2 if bidirectional else 1), state, 3, padding=1)
        self.output = nn.Conv2d(state, 2, 1)
        self.initialise()

    def initialise(self) -> None:
        """Xavier outside the ConvGRU, as published; inside it PyTorch's default for convolutions."""
        for module in (*(self.projection or ()), self.join, self.output):
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def inputs(self, appearance: Tensor | None, motion: Tensor | None) -> Tensor:
        """What the memory sees: (T, Ca, h, w) and (T, Cm, h, w), either None where left out -> (T, P + Cm, h, w)."""
        streams = []
        if self.projection is not None:
            streams.append(self.projection((appearance - self.mean) / self.deviation))  # (T, P, h, w)
        if motion is not None:
            streams.append(motion)
        return torch.cat(streams, dim=1)  # (T, P + Cm, h, w)

    def read_out(self, states: Tensor) -> Tensor:
        """States (T, 2S or S, h, w) -> logit of object (T, h, w): the difference of the two classes' scores."""
        scores = self.output(self.join(states))  # (T, 2, h, w)
        return scores[:, 1] - scores[:, 0]  # softmax over two classes is the sigmoid of their difference

    def forward(self, appearance: Tensor | None, motion: Tensor | None) -> Tensor:
        """A whole clip at once: logits of object, (T, h, w)."""
        return self.read_out(self.memory(self.inputs(appearance, motion), self.bidirectional))

    @torch.inference_mode()
    def probabilities(
        self, load: Callable[[int, int], tuple[Tensor | None, Tensor | None]], length: int, block: int = 32
    ):
        """Probabilities of object block by block, in order, each (n, h, w), for clips of any length.

        ``load(start, stop)`` gives the two streams of those frames. The result is that of :meth:`forward`, but only the
        backward pass's states of the whole clip are kept, 2 bytes a number.
        """
        starts = range(0, length, block)

        def advance(start: int, h: Tensor | None, order: int) -> Tensor:
            """States of one block, (n, S, h, w), frame order kept; the pass runs in direction ``order`` (1 or -1)."""
            x = self.inputs(*load(start, min(start + block, length)))
            terms = self.memory.input_terms(x)  # (n, 3S, h, w)
            h = x.new_zeros(1, self.memory.state, *x.shape[-2:]) if h is None else h
            states = []
            for terms_t in terms if order == 1 else terms.flip(0):
                h = self.memory.step(terms_t[None], h)
                states.append(h)
            return torch.cat(states[::order])

        backward: dict[int, Tensor] = {}
        if self.bidirectional:
            h = None
            for start in reversed(starts):
                states = advance(start, h, -1)
                h = states[:1]
                backward[start] = states.half()
        h = None
        for start in starts:
            states = advance(start, h, 1)
            h = states[-1:]
            if self.bidirectional:
                states = torch.cat([states, backward.pop(start).to(states.dtype)], dim=1)  # (n, 2S, h, w)
            yield torch.sigmoid(self.read_out(states))
