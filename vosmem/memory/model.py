"""The visual memory: from both streams' maps to the probability of object, for every frame of a clip.

LVO, section 3: appearance is projected by two 1x1 convolutions with tanh, joined by the motion maps, remembered by a
bidirectional ConvGRU (or one of its rivals); a 3x3 convolution joins the two directions' states, a 1x1 convolution and
a softmax over {background, object} read them out. Beyond the paper, dilated convolutions let the memory's input know
its surroundings, and a finer read-out corrects the answer with maps of higher resolution.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from vosmem.memory.rivals import CELLS
from vosmem.waiting import Waiting

# Maps of frames start:stop of each stream: appearance (n, Ca, h, w), motion (n, Cm, h, w), fine (n, Cf, f h, f w).
Maps = dict[str, Tensor | None]
LIMIT = 6.0  # deviations from the mean, beyond which a channel tells no more: what is rare in training stays harmless


class Standardise(nn.Module):
    """Every channel to mean 0 and deviation 1 over the training frames, whose moments are kept beside the weights.

    Until they are :meth:`measured` the channels stay as they are. NaN says that nothing is known, and becomes 0.
    """

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels, 1, 1))
        self.register_buffer("deviation", torch.zeros(channels, 1, 1))  # 0: not measured

    def measured(self, mean: Tensor, deviation: Tensor) -> None:
        """Take the moments (C, 1, 1) each."""
        self.mean.copy_(mean)
        self.deviation.copy_(deviation)

    def forward(self, x: Tensor) -> Tensor:
        if not self.deviation.any():
            return x.nan_to_num(0.0)
        return ((x - self.mean) / self.deviation).clamp(-LIMIT, LIMIT).nan_to_num(0.0)


class Context(nn.Module):
    """What surrounds every cell: a 1x1 convolution with tanh, then residual 3x3 convolutions, ever more dilated.

    ``width``: channels of the output; ``dilations``: of each 3x3 convolution.
    """

    def __init__(self, inputs: int, width: int, dilations: Sequence[int]):
        super().__init__()
        self.inward = nn.Conv2d(inputs, width, 1)
        self.around = nn.ModuleList(nn.Conv2d(width, width, 3, padding=d, dilation=d) for d in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """(n, C, h, w) -> (n, width, h, w)."""
        x = torch.tanh(self.inward(x))
        for convolution in self.around:
            x = x + torch.relu(convolution(x))
        return x


class FineReadOut(nn.Module):
    """Corrects the coarse logits where maps of higher resolution show the boundary.

    ``state``, ``fine``: channels of the joined state and of the fine maps; ``finer``: how many times as dense they are.
    """

    def __init__(self, state: int, fine: int, finer: int, carried: int = 16, hidden: int = 32):
        super().__init__()
        self.standardise = Standardise(fine)
        self.finer = finer
        self.carry = nn.Conv2d(state, carried, 1)
        self.correct = nn.Sequential(
            nn.Conv2d(carried + fine, hidden, 3, padding=1), nn.ReLU(),
            nn.Conv2d(hidden, hidden, 3, padding=1), nn.ReLU(),
            nn.Conv2d(hidden, 1, 1),
        )  # fmt: skip

    def forward(self, joined: Tensor, logits: Tensor, fine: Tensor | None) -> Tensor:
        """(n, S, h, w), (n, h, w), (n, Cf, f h, f w) or None for 0 channels -> (n, f h, f w)."""
        coarse = upsample(torch.cat([self.carry(joined), logits[:, None]], dim=1), self.finer)  # (n, 16 + 1, f h, f w)
        x = torch.relu(coarse[:, :-1])
        if fine is not None:
            x = torch.cat([x, self.standardise(fine)], dim=1)  # (n, 16 + Cf, f h, f w)
        return coarse[:, -1] + self.correct(x)[:, 0]


def upsample(x: Tensor, finer: int) -> Tensor:
    """Bilinear, (n, C, h, w) -> (n, C, f h, f w): cell i comes to rest on cell f i, and the last one is repeated.

    This is the fine grid of :class:`vosmem.memory.streams.Streams`, whose cell f i lies where the coarse cell i does.
    """
    for axis in (-2, -1):
        following = torch.cat([x.narrow(axis, 1, x.shape[axis] - 1), x.narrow(axis, x.shape[axis] - 1, 1)], dim=axis)
        between = [x + (following - x) * (k / finer) for k in range(finer)]
        x = torch.stack(between, dim=x.dim() + axis + 1).flatten(x.dim() + axis, x.dim() + axis + 1)
    return x


class VisualMemory(nn.Module):
    """``appearance``, ``motion``, ``fine``: channels of the streams, 0 for one that is left out.

    ``context``: dilations of :class:`Context`, as wide as the state; none as published. ``finer``: the read-out's grid
    is that many times as dense as the memory's; 1 as published, without ``fine`` maps. ``cell``: the kind of memory, of
    :data:`CELLS`; ``shared``: whether both directions have the same weights. ``projection_kernel``: side of the
    projection's two convolutions, odd.
    """

    def __init__(
        self,
        appearance: int,
        motion: int,
        fine: int = 0,
        *,
        projection: int,
        state: int,
        kernel: int,
        bidirectional: bool,
        context: Sequence[int] = (),
        finer: int = 1,
        projection_kernel: int = 1,
        cell: str = "convgru",
        shared: bool = True,
    ):
        super().__init__()
        if not appearance and not motion:
            raise ValueError("both streams have 0 channels, expected at least one stream")
        if finer < 1:
            raise ValueError(f"finer: got {finer}, expected 1 or more")
        self.bidirectional = bidirectional and cell != "none"
        self.recurrent = cell != "none"
        k, p = projection_kernel, projection_kernel // 2
        self.standardise = nn.ModuleDict({"appearance": Standardise(appearance), "motion": Standardise(motion)})
        self.projection = (
            nn.Sequential(
                nn.Conv2d(appearance, projection, k, padding=p),
                nn.Tanh(),
                nn.Conv2d(projection, projection, k, padding=p),
                nn.Tanh(),
            )
            if appearance
            else None
        )
        inputs = (projection if appearance else 0) + motion
        self.context = Context(inputs, state, context) if context else None
        channels = state if context else inputs
        self.memory = CELLS[cell](channels, state, kernel)
        self.join = nn.Conv2d(state * (2 if self.bidirectional else 1), state, 3, padding=1)
        self.output = nn.Conv2d(state, 2, 1)
        self.initialise()
        self.fine = FineReadOut(state, fine, finer) if finer > 1 else None
        # last, so that all else begins with the same numbers whether directions share their weights or not
        self.backward_memory = CELLS[cell](channels, state, kernel) if self.bidirectional and not shared else None

    def initialise(self) -> None:
        """Xavier outside the memory, as published; inside it PyTorch's default for convolutions."""
        for module in (*(self.projection or ()), self.join, self.output):
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def inputs(self, maps: Maps) -> Tensor:
        """What the memory sees: (n, P + Cm, h, w), or (n, S, h, w) behind ``context``."""
        streams = []
        if self.projection is not None:
            streams.append(self.projection(self.standardise["appearance"](maps["appearance"])))  # (n, P, h, w)
        if maps["motion"] is not None:
            streams.append(self.standardise["motion"](maps["motion"]))
        x = torch.cat(streams, dim=1)  # (n, P + Cm, h, w)
        return x if self.context is None else self.context(x)

    def states(self, x: Tensor, segment: int = 0) -> Tensor:
        """All states of a clip's inputs: (T, C, h, w) -> (T, 2S or S, h, w). ``segment``: as for :meth:`forward`."""
        if self.backward_memory is None:
            return self.memory(x, self.bidirectional, segment)
        backward = self.backward_memory(x.flip(0), False, segment).flip(0)
        return torch.cat([self.memory(x, False, segment), backward], dim=1)

    def read_out(self, states: Tensor, fine: Tensor | None) -> Tensor:
        """States (n, 2S or S, h, w) -> logit of object (n, f h, f w): the difference of the two classes' scores."""
        joined = self.join(states)  # (n, S, h, w)
        scores = self.output(joined)  # (n, 2, h, w)
        logits = scores[:, 1] - scores[:, 0]  # softmax over two classes is the sigmoid of their difference
        return logits if self.fine is None else self.fine(joined, logits, fine)

    def forward(self, maps: Maps, segment: int = 0) -> Tensor:
        """A whole clip at once: logits of object, (T, f h, f w).

        ``segment``: for the gradient what lies between is kept for so many frames at a time, and computed again for all
        others, so that memory grows by little more than the inputs and states of a clip; 0 keeps all.
        """
        if not segment:
            return self.read_out(self.states(self.inputs(maps)), maps["fine"])
        length = len(next(m for m in maps.values() if m is not None))
        parts = [slice(start, start + segment) for start in range(0, length, segment)]

        def again(function: Callable[..., Tensor], *of: object) -> Tensor:
            return checkpoint(function, *of, use_reentrant=False)

        def of_part(part: slice) -> Maps:
            return {stream: None if m is None else m[part] for stream, m in maps.items()}

        states = self.states(torch.cat([again(self.inputs, of_part(part)) for part in parts]), segment)
        return torch.cat([again(self.read_out, states[part], of_part(part)["fine"]) for part in parts])

    @torch.inference_mode()
    def probabilities(
        self,
        load: Callable[[str, int, int], Tensor | None],
        length: int,
        block: int = 16,
        folder: str | os.PathLike | None = None,
        reach: int = 0,
    ) -> Iterator[Tensor]:
        """Probabilities of object block by block, in order, each (n, f h, f w), for clips of any length.

        ``load(stream, start, stop)`` gives the maps of those frames. With ``reach`` 0 the result is that of
        :meth:`forward`, but only the backward pass's states of the whole clip are kept, 2 bytes a number, and wait in
        ``folder``, see :class:`vosmem.waiting.Waiting`. Else the memory starts anew for every ``reach`` frames, that
        many frames before and behind them: a memory that was trained on short clips goes astray on long ones.
        """
        if reach:
            yield from self._within_reach(load, length, reach)
            return
        starts = range(0, length, block)

        def advance(start: int, carried: Tensor | None, order: int) -> tuple[Tensor, Tensor]:
            """States of one block, (n, S, h, w), frame order kept, and what is carried out of it.

            The pass runs in direction ``order`` (1 or -1).
            """
            memory = self.memory if order == 1 or self.backward_memory is None else self.backward_memory
            stop = min(start + block, length)
            x = self.inputs({stream: load(stream, start, stop) for stream in ("appearance", "motion")})
            terms = memory.input_terms(x)  # (n, K, h, w)
            carried = memory.begin(x) if carried is None else carried
            states = []
            for terms_t in terms if order == 1 else terms.flip(0):
                carried = memory.step(terms_t[None], carried)
                states.append(memory.shown(carried))
            return torch.cat(states[::order]), carried

        with Waiting(folder, np.float16) as kept:
            if self.bidirectional:
                carried = None
                for start in reversed(starts):
                    states, carried = advance(start, carried, -1)
                    kept.append(states.half().cpu().numpy())  # the last block first
            carried = None
            for i, start in enumerate(starts):
                states, carried = advance(start, carried, 1)
                if self.bidirectional:
                    backward = torch.from_numpy(kept[-1 - i].copy()).to(states)
                    states = torch.cat([states, backward], dim=1)  # (n, 2S, h, w)
                fine = load("fine", start, start + len(states))
                yield torch.sigmoid(self.read_out(states, fine))

    def _within_reach(
        self, load: Callable[[str, int, int], Tensor | None], length: int, reach: int
    ) -> Iterator[Tensor]:
        """:meth:`forward` of windows: ``reach`` frames, and as many to each side that only warm the memory up.

        A memory of one direction needs none behind them: what comes later changes nothing, and need not be waited for.
        """
        before, behind = reach if self.recurrent else 0, reach if self.bidirectional else 0
        memories = [m for m in (self.memory, self.backward_memory) if m is not None]
        terms: list[Tensor] = []  # of each memory, for the frames up to ``seen`` that a window still needs
        seen = 0
        for start in range(0, length, reach):
            stop = min(start + reach, length)
            first, last = max(start - before, 0), min(stop + behind, length)
            if seen < last:
                x = self.inputs({stream: load(stream, seen, last) for stream in ("appearance", "motion")})
                new = [memory.input_terms(x) for memory in memories]
                terms = [torch.cat(both) for both in zip(terms, new, strict=True)] if terms else new
                seen = last
            terms = [of[len(of) - (seen - first) :] for of in terms]
            states = self._window(terms, start - first, stop - first)  # (n, 2S or S, h, w)
            yield torch.sigmoid(self.read_out(states, load("fine", start, stop)))

    def _window(self, terms: Sequence[Tensor], start: int, stop: int) -> Tensor:
        """States of frames ``start`` : ``stop`` of a window, given its input terms of each memory."""
        if len(terms) == 1:
            return self.memory.within(terms[0], start, stop, self.bidirectional)
        forward = self.memory.within(terms[0], start, stop, False)
        length = len(terms[1])
        backward = self.backward_memory.within(terms[1].flip(0), length - stop, length - start, False).flip(0)
        return torch.cat([forward, backward], dim=1)
