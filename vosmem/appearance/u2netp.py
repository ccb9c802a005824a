"""U2-Net-p, a small network for salient object detection: a U of small Us.

Qin et al., *U2-Net: Going Deeper with Nested U-Structure for Salient Object Detection*, Pattern Recognition 106, 2020:
sections 3.1 (the block, RSU), 3.2 (the network) and table 1, row "U2-Net†" (the small one). Every block is itself an
encoder and a decoder; six of them go down, five come up, and each of the last six gives a saliency map ``d1`` .. ``d6``
(their sides), which a 1x1 convolution fuses into ``d0``.

Batch normalisation is part of the convolutions' weights here, as in the ONNX file that the weights come from.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosmem.grid import Grid

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB frames divided by their largest value
CHANNELS, NARROW = 64, 16  # of every block's output, and inside a block
MULTIPLE = 32  # of the input's sides: five poolings, whether inside a block or between blocks
ENCODER = {"stage1": 7, "stage2": 6, "stage3": 5, "stage4": 4, "stage5": None, "stage6": None}
DECODER = {"stage5d": None, "stage4d": 4, "stage3d": 5, "stage2d": 6, "stage1d": 7}
SCALES = {"sides": 2, **{f"stage{i + 1}d": 2**i for i in range(5)}, "stage6": 32, "full_sides": 1}
CACHED = tuple(SCALES)
SIDES = ("d0", "d1", "d2", "d3", "d4", "d5", "d6")  # the channels of ``sides`` and ``full_sides``


def halve(x: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, C, h/2, w/2), the largest of 2 x 2."""
    return F.max_pool2d(x, 2)


def enlarge(x: Tensor, like: Tensor) -> Tensor:
    """(N, C, h, w) -> (N, C, *like's h and w), edges kept in place."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear") if x.shape[-2:] != like.shape[-2:] else x


def beside(x: Tensor, level: Tensor, outside: Tensor, margin: int) -> Tensor:
    """``x`` enlarged, and ``level`` (N, 16, h, w) -> (N, 32, h + 2 margin, w + 2 margin).

    Around them is ``outside`` (16,), x's share, and zero, level's.
    """
    n, c, h, w = level.shape
    shape = (n, 2 * c, h + 2 * margin, w + 2 * margin)
    both = torch.empty(shape, dtype=level.dtype, device=level.device, memory_format=torch.channels_last)
    both[:] = torch.cat([outside, torch.zeros_like(outside)]).view(-1, 1, 1)
    inner = both[..., margin : margin + h, margin : margin + w]
    inner[:, :c], inner[:, c:] = enlarge(x, level), level
    return both


class RSU(nn.Module):
    """Residual U-block: a convolution, and added to it what a small U of convolutions makes of it.

    ``height`` L: the U has L-1 levels, each half the size of that above, and below them one more convolution with
    dilation 2. None: four levels of one size, with dilations 1, 2, 4 and 8 (RSU-4F).

    On its way up the U is computed less a constant per channel, ``offset``; see :meth:`U2NetP.centre`.
    """

    def __init__(self, c_in: int, height: int | None):
        super().__init__()
        flat = height is None
        dilations = [1, 2, 4, 8] if flat else [1] * (height - 1) + [2]
        self.pools = not flat
        self.inward = nn.Conv2d(c_in, CHANNELS, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for i, d in enumerate(dilations):
            self.down.append(nn.Conv2d(NARROW if i else CHANNELS, NARROW, 3, padding=d, dilation=d))
        for i, d in reversed(list(enumerate(dilations[:-1]))):
            self.up.append(nn.Conv2d(2 * NARROW, NARROW if i else CHANNELS, 3, dilation=d))  # `beside` pads
        self.register_buffer("offset", torch.zeros(len(self.up), NARROW), persistent=False)  # before each of `up`

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, h, w) -> (N, 64, h, w)."""
        inward = self.inward(x).relu_()
        levels = [self.down[0](inward).relu_()]
        for i, conv in enumerate(self.down[1:], 1):
            last = i == len(self.down) - 1  # the lowest convolution stays on the level above it
            levels.append(conv(halve(levels[-1]) if self.pools and not last else levels[-1]).relu_())
        x = levels.pop()
        for i, conv in enumerate(self.up):
            if i:
                x = torch.maximum(x, -self.offset[i].to(x.dtype).view(-1, 1, 1))  # ReLU, less the offset
            x = conv(beside(x, levels.pop(), -self.offset[i], conv.dilation[0]))
        return x.relu_().add_(inward)

    def centre(self, means: list[Tensor]) -> None:
        """Take ``means`` (16,) from what comes out of all of ``up`` but the last; the function stays the same."""
        for i, mean in enumerate(means, 1):
            before, after = self.up[i - 1], self.up[i]
            self.offset[i] = mean
            before.bias -= mean
            after.bias += (after.weight[:, :NARROW].double().sum((2, 3)) @ mean.double()).to(after.bias.dtype)


class U2NetP(nn.Module):
    """The network up to the maps ``layers`` (of ``CACHED``).

    ``size``: the input's (H, W) to which frames are resized, or only its shorter side, the longer then following from
    the frame. Sides are multiples of 32, so that every pooling halves exactly; the upstream network rounds up instead.
    """

    def __init__(self, layers: list[str], size: int | tuple[int, int]):
        super().__init__()
        if any(n % MULTIPLE or n < MULTIPLE for n in ([size] if isinstance(size, int) else size)):
            raise ValueError(f"size {size}: expected multiples of {MULTIPLE}")
        self.layers, self.size = layers, size
        self.encoder = nn.ModuleDict({n: RSU(CHANNELS if i else 3, h) for i, (n, h) in enumerate(ENCODER.items())})
        self.decoder = nn.ModuleDict({n: RSU(2 * CHANNELS, h) for n, h in DECODER.items()})
        self.side = nn.ModuleList(nn.Conv2d(CHANNELS, 1, 3, padding=1) for _ in range(6))
        self.fuse = nn.Conv2d(6, 1, 1)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def input_size(self, frame: tuple[int, int]) -> tuple[int, int]:
        """The (H, W) to which a frame of ``frame`` (H, W) is resized."""
        if not isinstance(self.size, int):
            return tuple(self.size)
        scale = self.size / min(frame)
        height, width = (max(1, round(n * scale / MULTIPLE)) * MULTIPLE for n in frame)
        return height, width

    def grid(self, layer: str, frame: tuple[int, int]) -> Grid:
        """Where the cells of ``layer`` lie in a frame of (H, W) pixels.

        Cell i of a map of scale k takes its place from the k input pixels k i .. k i + k - 1.
        """
        k = SCALES[layer]
        height, width = (n // k for n in self.input_size(frame))
        return Grid.of_image((height, width), frame)

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) RGB in 0..255 -> for each of ``layers`` its map, (N, 7, ..) logits or (N, 64, ..)."""
        x = self.normalised(frames)
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
            maps["full_sides"] = self.saliency(list(maps.values())[::-1])
            maps["sides"] = F.avg_pool2d(maps["full_sides"], 2)
        return {name: maps[name] for name in self.layers}

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
        self(torch.linspace(0, 255, 320).to(self.mean).expand(1, 3, 320, 320))
        for hook in hooks:
            hook.remove()
        for block in blocks:
            block.centre([found[conv] for conv in block.up[:-1]])

    def normalised(self, frames: Tensor) -> Tensor:
        """(N, 3, H, W) in 0..255 -> the network's input, (N, 3, *input_size)."""
        size = self.input_size(tuple(frames.shape[-2:]))
        x = F.interpolate(frames, size, mode="bilinear", antialias=True)
        x = x / x.amax((1, 2, 3), keepdim=True).clamp_min(1)
        return (x - self.mean) / self.std

    def saliency(self, decoded: list[Tensor]) -> Tensor:
        """stage1d .. stage5d and stage6 -> the logits d0 .. d6, (N, 7, H, W) of the input's size."""
        sides = [conv(x) for conv, x in zip(self.side, decoded, strict=True)]
        sides = torch.cat([enlarge(s, decoded[0]) for s in sides], 1)  # (N, 6, H, W)
        return torch.cat([self.fuse(sides), sides], 1)


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The ONNX file's tensors by this network's names.

    The sides and the fusion are named there; all other convolutions come numbered, in the order in which they are
    computed, which is also the order in which they are defined here. Raises ValueError where some are missing.
    """
    named = {f"side{i + 1}": f"side.{i}" for i in range(6)} | {"outconv": "fuse"}
    ours = {}
    for theirs, name in named.items():
        for kind in ("weight", "bias"):
            if f"{theirs}.{kind}" not in tensors:
                raise ValueError(f"no {theirs}.{kind}")
            ours[f"{name}.{kind}"] = tensors[f"{theirs}.{kind}"]
    numbered = [t for name, t in tensors.items() if name.rpartition(".")[0] not in named]
    with torch.device("meta"):
        wanted = [name for name in U2NetP([], 320).state_dict() if name not in ours]
    if len(numbered) != len(wanted):
        raise ValueError(f"{len(numbered)} tensors besides sides and outconv, expected {len(wanted)}")
    return ours | dict(zip(wanted, numbered, strict=True))
