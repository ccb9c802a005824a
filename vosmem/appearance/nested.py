"""A U of small Us: the nested network that U2-Net, U2-Net-p and IS-Net have in common.

Qin et al., *U2-Net: Going Deeper with Nested U-Structure for Salient Object Detection*, Pattern Recognition 106, 2020:
sections 3.1 (the block, RSU) and 3.2 (the network). Every block is itself an encoder and a decoder; six of them go
down, five come up, and each of the last six gives a saliency map ``d1`` .. ``d6`` (their sides).

Batch normalisation is part of the convolutions' weights here, as in the ONNX files that the weights come from.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosmem.fused import rectified
from vosmem.grid import Grid

# Blocks by name, with the L of RSU-L, None for RSU-4F. Those that come up are named by the level they reach.
ENCODER = {"stage1": 7, "stage2": 6, "stage3": 5, "stage4": 4, "stage5": None, "stage6": None}
DECODER = {"stage5d": None, "stage4d": 4, "stage3d": 5, "stage2d": 6, "stage1d": 7}
DECODED = ("stage1d", "stage2d", "stage3d", "stage4d", "stage5d", "stage6")  # the maps that give d1 .. d6
POOLINGS = 5  # on the way to the smallest map, whether inside a block or between blocks
CACHED = ("sides", *DECODED, "full_sides")


def halve(x: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, C, h/2, w/2), the largest of 2 x 2; h and w are even."""
    x = torch.maximum(x[..., ::2, :], x[..., 1::2, :])  # max_pool2d, which looks where they were, takes twice as long
    return torch.maximum(x[..., ::2], x[..., 1::2])


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, C, *like's h and w), edges kept in place."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear") if x.shape[-2:] != like.shape[-2:] else x


def beside(x: Tensor, level: Tensor, outside: Tensor, margin: int) -> Tensor:
    """``x`` enlarged, and ``level``, both (N, C, ..) -> (N, 2 C, h + 2 margin, w + 2 margin).

    Around them is ``outside`` (C,), x's share, and zero, level's.
    """
    n, c, h, w = level.shape
    shape = (n, 2 * c, h + 2 * margin, w + 2 * margin)
    both = torch.empty(shape, dtype=level.dtype, device=level.device, memory_format=torch.channels_last)
    around, rows = torch.cat([outside, torch.zeros_like(outside)]).view(-1, 1, 1), both[..., margin : margin + h, :]
    both[..., :margin, :] = both[..., margin + h :, :] = rows[..., :margin] = rows[..., margin + w :] = around
    inner = rows[..., margin : margin + w]
    inner[:, :c], inner[:, c:] = enlarge(x, level), level
    return both


class RSU(nn.Module):
    """Residual U-block: a convolution, and added to it what a small U of convolutions makes of it.

    ``height`` L: the U has L-1 levels, each half the size of that above, and below them one more convolution with
    dilation 2. None: four levels of one size, with dilations 1, 2, 4 and 8 (RSU-4F).

    ``narrow``: the channels inside. On its way up the U is computed less a constant per channel, ``offset``; see
    :meth:`Nested.centre`.
    """

    def __init__(self, c_in: int, narrow: int, c_out: int, height: int | None):
        super().__init__()
        flat = height is None
        dilations = [1, 2, 4, 8] if flat else [1] * (height - 1) + [2]
        self.pools = not flat
        self.inward = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i, d in enumerate(dilations):
            self.down.append(nn.Conv2d(narrow if i else c_out, narrow, 3, padding=d, dilation=d))
        for i, d in reversed(list(enumerate(dilations[:-1]))):
            self.up.append(nn.Conv2d(2 * narrow, narrow if i else c_out, 3, dilation=d))  # `beside` pads
        self.register_buffer("offset", torch.zeros(len(self.up), narrow), persistent=False)  # before each of `up`

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, h, w) -> (N, c_out, h, w)."""
        inward = rectified(self.inward, x)
        levels = [rectified(self.down[0], inward)]
        for i, conv in enumerate(self.down[1:], 1):
            last = i == len(self.down) - 1  # the lowest convolution stays on the level above it
            levels.append(rectified(conv, halve(levels[-1]) if self.pools and not last else levels[-1]))
        x = levels.pop()
        for i, conv in enumerate(self.up):
            if i:
                x = torch.maximum(x, -self.offset[i].to(x.dtype).view(-1, 1, 1))  # ReLU, less the offset
            both = beside(x, levels.pop(), -self.offset[i], conv.dilation[0])
            x = conv(both) if i < len(self.up) - 1 else rectified(conv, both)
        return x.add_(inward)

    def centre(self, means: list[Tensor]) -> None:
        """Take ``means`` (narrow,) from what comes out of all of ``up`` but the last; the function stays the same."""
        for i, mean in enumerate(means, 1):
            before, after = self.up[i - 1], self.up[i]
            self.offset[i] = mean
            before.bias -= mean
            after.bias += (after.weight[:, : len(mean)].double().sum((2, 3)) @ mean.double()).to(after.bias.dtype)


class Nested(nn.Module):
    """The network up to the maps ``layers`` (of ``CACHED``).

    ``size``: the input's (H, W) to which frames are resized, or only its shorter side, the longer then following from
    the frame. ``down``, ``up``: of the blocks of ``ENCODER`` and of ``DECODER`` (channels inside, channels that come
    out). ``stem``: the channels of a convolution of stride 2 before all blocks; 0: there is none, and they begin at the
    input's size. ``fused``: whether a 1x1 convolution makes ``d0`` of the sides, which then comes first among them.

    Sizes are multiples of what the poolings divide by, so that every one halves exactly; upstream rounds up instead.
    """

    def __init__(
        self, layers: list[str], size: int | tuple[int, int], down: list[tuple[int, int]], up: list[tuple[int, int]],
        stem: int, fused: bool,
    ):  # fmt: skip
        super().__init__()
        self.finest = 2 if stem else 1  # pixels of the input to a cell of stage1d
        self.multiple = self.finest << POOLINGS
        if any(n % self.multiple or n < self.multiple for n in ([size] if isinstance(size, int) else size)):
            raise ValueError(f"size {size}: expected multiples of {self.multiple}")
        self.layers, self.size = layers, size
        if stem:
            self.stem = nn.Conv2d(3, stem, 3, stride=2, padding=1)
        c_in, skips, self.encoder = stem or 3, [], nn.ModuleDict()
        for (name, height), (narrow, c_out) in zip(ENCODER.items(), down, strict=True):
            self.encoder[name] = RSU(c_in, narrow, c_out, height)
            skips.append(c_in := c_out)
        decoded, self.decoder = [skips.pop()], nn.ModuleDict()
        for (name, height), (narrow, c_out) in zip(DECODER.items(), up, strict=True):
            self.decoder[name] = RSU(decoded[-1] + skips.pop(), narrow, c_out, height)
            decoded.append(c_out)
        self.side = nn.ModuleList(nn.Conv2d(c, 1, 3, padding=1) for c in reversed(decoded))
        self.fuse = nn.Conv2d(6, 1, 1) if fused else None

    def input_size(self, frame: tuple[int, int]) -> tuple[int, int]:
        """The (H, W) to which a frame of ``frame`` (H, W) is resized."""
        if not isinstance(self.size, int):
            return tuple(self.size)
        scale = self.size / min(frame)
        height, width = (max(1, round(n * scale / self.multiple)) * self.multiple for n in frame)
        return height, width

    def grid(self, layer: str, frame: tuple[int, int]) -> Grid:
        """Where the cells of ``layer`` lie in a frame of (H, W) pixels.

        Cell i of a map of scale k takes its place from the k input pixels k i .. k i + k - 1.
        """
        level = {"full_sides": 0, "sides": 1}.get(layer)
        k = self.finest << (DECODED.index(layer) if level is None else level)
        height, width = (n // k for n in self.input_size(frame))
        return Grid.of_image((height, width), frame)

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) RGB in 0..255 -> for each of ``layers`` its map: of sides logits, one channel each."""
        x = self.normalised(frames)
        if self.finest > 1:
            x = self.stem(x)
        skips = []
        for i, block in enumerate(self.encoder.values()):
            x = block(halve(x) if i else x)
            skips.append(x)
        x = skips.pop()
        maps = {"stage6": x}
        for name, block in self.decoder.items():
            skip = skips.pop()
            x = block(torch.cat([enlarge(x, skip), skip], 1))
            maps[name] = x
        if {"sides", "full_sides"} & {*self.layers}:
            maps["full_sides"] = self.saliency([maps[name] for name in DECODED])
            maps["sides"] = F.avg_pool2d(maps["full_sides"], 2)
        return {name: maps[name] for name in self.layers}

    def normalised(self, frames: Tensor) -> Tensor:
        """(N, 3, H, W) in 0..255 -> the network's input, (N, 3, *input_size)."""
        raise NotImplementedError

    def resized(self, frames: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 3, *input_size)."""
        size = self.input_size(tuple(frames.shape[-2:]))
        return F.interpolate(frames, size, mode="bilinear", antialias=True)

    def saliency(self, decoded: list[Tensor]) -> Tensor:
        """stage1d .. stage5d and stage6 -> the logits (d0,) d1 .. d6, (N, 6 or 7, h, w) of stage1d's size."""
        sides = [conv(x) for conv, x in zip(self.side, decoded, strict=True)]
        sides = torch.cat([enlarge(s, decoded[0]) for s in sides], 1)  # (N, 6, h, w)
        return sides if self.fuse is None else torch.cat([self.fuse(sides), sides], 1)

    @torch.no_grad()
    def centre(self) -> None:
        """Make the network fit for bfloat16, changing its function by no more than rounding. To be called once.

        Folding the batch normalisation has left channels that hardly vary about a large mean, 226.3 +- 0.2, which the
        next convolution takes away again; bfloat16 would round them to integers. So the means move into the biases.
        They are measured on a ramp from black to white: such channels hardly ask what is seen.
        """
        found: dict[nn.Module, Tensor] = {}

        def keep(conv: nn.Module, _: object, x: Tensor) -> None:
            found[conv] = x.relu().mean((0, 2, 3))

        blocks = [*self.encoder.values(), *self.decoder.values()]
        hooks = [conv.register_forward_hook(keep) for block in blocks for conv in block.up[:-1]]
        ramp = torch.linspace(0, 255, 320, dtype=self.side[0].weight.dtype, device=self.side[0].weight.device)
        self(ramp.expand(1, 3, 320, 320))
        for hook in hooks:
            hook.remove()
        for block in blocks:
            block.centre([found[conv] for conv in block.up[:-1]])


def convert(tensors: Mapping[str, Tensor], named: Mapping[str, str], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An ONNX file's tensors by the network's names.

    ``named``: modules that have a name in the file, and theirs here; all other convolutions come numbered, in the order
    in which they are computed, which is also the order in which they are defined here. ``wanted``: the network's own.
    Raises ValueError where some are missing.
    """
    ours = {}
    for theirs, name in named.items():
        for kind in ("weight", "bias"):
            if f"{theirs}.{kind}" not in tensors:
                raise ValueError(f"no {theirs}.{kind}")
            ours[f"{name}.{kind}"] = tensors[f"{theirs}.{kind}"]
    numbered = [t for name, t in tensors.items() if name.rpartition(".")[0] not in named]
    left = [name for name in wanted if name not in ours]
    if len(numbered) != len(left):
        raise ValueError(f"{len(numbered)} numbered tensors, expected {len(left)}")
    return ours | dict(zip(left, numbered, strict=True))
