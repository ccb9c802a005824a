"""IS-Net, a network for dichotomous image segmentation: the objects of an image, sharp to the last spoke.

Qin et al., *Highly Accurate Dichotomous Image Segmentation*, ECCV 2022, section 4.1 and its supplement: the network of
:mod:`vosmem.appearance.nested`, as wide as U2-Net, behind a convolution that halves the input, which is 1024x1024. Its
weights here are those of a package that removes backgrounds. They bear bfloat16 as they are, without
:meth:`nested.Nested.centre`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vosmem.appearance import nested
from vosmem.appearance.u2net import U2Net

STEM = 64


class ISNet(nested.Nested):
    """The network up to the maps ``layers``; see :class:`nested.Nested` for these and for ``size``."""

    def __init__(self, layers: list[str], size: int | tuple[int, int]):
        super().__init__(layers, size, U2Net.DOWN, U2Net.UP, STEM, fused=False)

    def normalised(self, frames: Tensor) -> Tensor:
        return self.resized(frames) / 255 - 0.5


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The ONNX file's tensors by this network's names. Raises ValueError where some are missing."""
    named = {"conv_in": "stem"} | {f"side{i + 1}": f"side.{i}" for i in range(6)}
    with torch.device("meta"):
        return nested.convert(tensors, named, ISNet([], 1024).state_dict())
