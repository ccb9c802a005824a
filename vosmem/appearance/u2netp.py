"""U2-Net-p, a small network for salient object detection.

Qin et al., *U2-Net: Going Deeper with Nested U-Structure for Salient Object Detection*, Pattern Recognition 106, 2020,
table 1, row "U2-Net†" (the small one): the network of :mod:`vosmem.appearance.nested` with 16 channels inside every
block and 64 outside, from the input's own size on. Its sides are fused into ``d0``.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vosmem.appearance import nested

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of RGB frames divided by their largest value
CHANNELS, NARROW = 64, 16  # of every block's output, and inside a block
SIDES = ("d0", "d1", "d2", "d3", "d4", "d5", "d6")  # the channels of ``sides`` and ``full_sides``


class U2NetP(nested.Nested):
    """The network up to the maps ``layers``; see :class:`nested.Nested` for these and for ``size``."""

    def __init__(self, layers: list[str], size: int | tuple[int, int]):
        rows = [(NARROW, CHANNELS)]
        super().__init__(layers, size, down=6 * rows, up=5 * rows, stem=0, fused=True)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def normalised(self, frames: Tensor) -> Tensor:
        x = self.resized(frames)
        x = x / x.amax((1, 2, 3), keepdim=True).clamp_min(1)
        return (x - self.mean) / self.std


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The ONNX file's tensors by this network's names. Raises ValueError where some are missing."""
    named = {f"side{i + 1}": f"side.{i}" for i in range(6)} | {"outconv": "fuse"}
    with torch.device("meta"):
        return nested.convert(tensors, named, U2NetP([], 320).state_dict())
