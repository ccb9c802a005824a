"""U2-Net and U2-Net-p, networks for salient object detection.

Qin et al., *U2-Net: Going Deeper with Nested U-Structure for Salient Object Detection*, Pattern Recognition 106, 2020,
table 1, rows "U2-Net" and "U2-Net†" (the small one): the network of :mod:`vosmem.appearance.nested`, from the input's
own size on. Its sides are fused into ``d0``.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from vosmem.appearance import nested

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB frames divided by their largest value
SIDES = ("d0", "d1", "d2", "d3", "d4", "d5", "d6")  # the channels of ``sides`` and ``full_sides``


class U2Net(nested.Nested):
    """The network up to the maps ``layers``; see :class:`nested.Nested` for these and for ``size``."""

    # channels inside a block, and those that come out
    DOWN: ClassVar = [(32, 64), (32, 128), (64, 256), (128, 512), (256, 512), (256, 512)]
    UP: ClassVar = [(256, 512), (128, 256), (64, 128), (32, 64), (16, 64)]

    def __init__(self, layers: list[str], size: int | tuple[int, int]):
        super().__init__(layers, size, self.DOWN, self.UP, stem=0, fused=True)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def normalised(self, frames: Tensor) -> Tensor:
        x = self.resized(frames)
        x = x / x.amax((1, 2, 3), keepdim=True).clamp_min(1)
        return (x - self.mean) / self.std


class U2NetP(U2Net):
    """The small one: as many channels in every block."""

    DOWN: ClassVar = 6 * [(16, 64)]
    UP: ClassVar = 5 * [(16, 64)]


def convert(tensors: dict[str, Tensor], network: type[U2Net]) -> dict[str, Tensor]:
    """The ONNX file's tensors by the names of ``network``. Raises ValueError where some are missing."""
    named = {f"side{i + 1}": f"side.{i}" for i in range(6)} | {"outconv": "fuse"}
    with torch.device("meta"):
        return nested.convert(tensors, named, network([], 320).state_dict())
