"""DeepLab-LargeFOV on VGG-16, the published appearance network, up to fc6.

Chen et al., *Semantic Image Segmentation with Deep Convolutional Nets and Fully Connected CRFs*, ICLR 2015, in the
"LargeFOV" form; the arithmetic is Caffe's: pooling rounds its output size up, and average pooling divides by a window
that counts the padding. Every pooling window is 3 x 3 with one pixel of padding, so a cell i of the stride-8 map is
centred on pixel 8 i, and 480 x 854 frames give 61 x 108 cells.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vosmem.grid import Grid

MEAN_BGR = (104.008, 116.669, 122.675)
# layer name, channels in, channels out, dilation; a string is a pooling layer
LAYERS = [
    ("conv1_1", 3, 64, 1), ("conv1_2", 64, 64, 1), "pool1",
    ("conv2_1", 64, 128, 1), ("conv2_2", 128, 128, 1), "pool2",
    ("conv3_1", 128, 256, 1), ("conv3_2", 256, 256, 1), ("conv3_3", 256, 256, 1), "pool3",
    ("conv4_1", 256, 512, 1), ("conv4_2", 512, 512, 1), ("conv4_3", 512, 512, 1), "pool4",
    ("conv5_1", 512, 512, 2), ("conv5_2", 512, 512, 2), ("conv5_3", 512, 512, 2), "pool5",
    "pool5a", ("fc6", 512, 1024, 12),
]  # fmt: skip
CACHED = ("conv5_3", "fc6")


class DeepLabLargeFOV(nn.Module):
    """VGG-16 to fc6 with holes. ``layers``: which of ``conv5_3`` and ``fc6`` to give."""

    def __init__(self, layers: list[str]):
        super().__init__()
        self.layers = layers
        self.stack = nn.ModuleDict()
        for row in LAYERS:
            if isinstance(row, tuple):
                name, c_in, c_out, dilation = row
                self.stack[name] = nn.Conv2d(c_in, c_out, 3, padding=dilation, dilation=dilation)
            elif row == "pool5a":
                self.stack[row] = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=True)
            else:
                stride = 2 if row in ("pool1", "pool2", "pool3") else 1
                self.stack[row] = nn.MaxPool2d(3, stride, padding=1, ceil_mode=True)
        self.register_buffer("mean", torch.tensor(MEAN_BGR).view(3, 1, 1), persistent=False)

    def grid(self, layer: str, frame: tuple[int, int]) -> Grid:
        """Where the cells of ``layer`` lie in a frame of (H, W) pixels: cell i on pixel 8 i."""
        shape = frame
        for _ in range(3):  # each pooling rounds up, and its padding adds a window
            shape = [n // 2 + 1 for n in shape]
        return Grid.of(shape, (8, 8), (0, 0))

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) RGB in 0..255 -> for each of ``layers`` its map (N, C, h, w) after ReLU."""
        x = frames.flip(1) - self.mean  # BGR, as Caffe's models are trained
        maps = {}
        for name, layer in self.stack.items():
            x = layer(x)
            if isinstance(layer, nn.Conv2d):
                x = x.relu_()
            if name in self.layers:
                maps[name] = x
        return maps


def convert(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """A PyTorch state dict with Caffe's layer names (``conv1_1.weight``, with any prefix) by this network's names.

    Raises ValueError that lists what is missing.
    """
    names = [row[0] for row in LAYERS if isinstance(row, tuple)]
    ours = {}
    for name in names:
        for kind in ("weight", "bias"):
            found = [k for k in tensors if k == f"{name}.{kind}" or k.endswith(f".{name}.{kind}")]
            if found:
                ours[f"stack.{name}.{kind}"] = tensors[found[0]]
    missing = [n for n in names if f"stack.{n}.weight" not in ours or f"stack.{n}.bias" not in ours]
    if missing:
        raise ValueError(f"no weight or bias for {', '.join(missing)}")
    return ours
