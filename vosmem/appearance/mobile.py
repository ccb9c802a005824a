"""MobileNetV2 and EfficientNet-Lite0 with atrous convolution, as dense feature extractors.

Both are chains of inverted residual blocks (Sandler et al., *MobileNetV2*, CVPR 2018; Tan and Le, *EfficientNet*, ICML
2019, and its "lite" form without squeeze-and-excitation and with ReLU6). Trained for classification they end on
stride 32; here the strides beyond ``output_stride`` become dilations (DeepLab; Chen et al., TPAMI 2017, section 3.1),
so that the same weights give a denser map: every cell of the strided network is a cell of this one, with the same
value.

Padding is symmetric: a stride-2 convolution samples the even pixels, so cell i of a stride-8 map is centred on pixel
8 i, whatever the frame's size. Files trained with TensorFlow's one-sided padding give the same features, shifted.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vosmem.grid import Grid


class InvertedResidual(nn.Module):
    """1x1 expansion, depthwise k x k convolution, 1x1 projection; the input is added where shapes allow."""

    def __init__(
        self, c_in: int, c_out: int, kernel: int, expansion: int, stride: int, dilation: int, residual: bool, eps: float
    ):
        super().__init__()
        hidden = c_in * expansion
        layers: list[nn.Module] = []
        if expansion != 1:
            layers += [nn.Conv2d(c_in, hidden, 1, bias=False), nn.BatchNorm2d(hidden, eps), nn.ReLU6(inplace=True)]
        padding = dilation * (kernel // 2)
        layers += [
            nn.Conv2d(hidden, hidden, kernel, stride, padding, dilation, groups=hidden, bias=False),
            nn.BatchNorm2d(hidden, eps),
            nn.ReLU6(inplace=True),
            nn.Conv2d(hidden, c_out, 1, bias=False),
            nn.BatchNorm2d(c_out, eps),
        ]
        self.layers = nn.Sequential(*layers)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, h, w) -> (N, c_out, h/stride, w/stride)."""
        return x + self.layers(x) if self.residual else self.layers(x)


class MobileFeatures(nn.Module):
    """A stem and a chain of inverted residual blocks, giving the outputs of chosen blocks.

    ``table``: one row (expansion, channels, repeats, stride, kernel) a group of blocks; ``mean``, ``std``: of RGB
    frames in 0..255. Block i is named ``block<i>``, counted from 0.
    """

    def __init__(
        self,
        table: list[tuple[int, int, int, int, int]],
        layers: list[str],
        mean: tuple[float, float, float],
        std: tuple[float, float, float],
        eps: float,
        output_stride: int,
    ):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)
        self.stem = nn.Sequential(
            nn.Conv2d(3, 32, 3, 2, 1, bias=False), nn.BatchNorm2d(32, eps), nn.ReLU6(inplace=True)
        )
        self.blocks = nn.ModuleList()
        self.strides: dict[str, int] = {}
        self.channels: dict[str, int] = {}
        c_in, reached, dilation = 32, 2, 1
        for expansion, c_out, repeats, group_stride, kernel in table:
            for repeat in range(repeats):
                stride = group_stride if repeat == 0 else 1
                residual = stride == 1 and c_in == c_out
                # The convolution that would have strided still reads its neighbours where it did; only those after
                # it, whose input is now denser, must reach further.
                later = dilation
                if stride == 2 and reached == output_stride:
                    stride, later = 1, dilation * 2
                self.blocks.append(InvertedResidual(c_in, c_out, kernel, expansion, stride, dilation, residual, eps))
                reached, dilation, c_in = reached * stride, later, c_out
                name = f"block{len(self.blocks) - 1}"
                self.strides[name], self.channels[name] = reached, c_out
        self.layers = layers

    def grid(self, layer: str, frame: tuple[int, int]) -> Grid:
        """Where the cells of ``layer`` lie in a frame of (H, W) pixels: cell i on pixel stride * i."""
        stride = self.strides[layer]
        return Grid.of([-(-n // stride) for n in frame], (stride, stride), (0, 0))

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) RGB in 0..255 -> for each of ``layers`` its map (N, C, ceil(H/s), ceil(W/s))."""
        x = self.stem((frames - self.mean) / self.std)  # (N, 32, H/2, W/2)
        maps = {}
        for i, block in enumerate(self.blocks):
            x = block(x)
            if f"block{i}" in self.layers:
                maps[f"block{i}"] = x
            if len(maps) == len(self.layers):
                break
        return maps


# (expansion, channels, repeats, stride, kernel)
MOBILENET_V2 = [
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 32, 3, 2, 3),
    (6, 64, 4, 2, 3),
    (6, 96, 3, 1, 3),
    (6, 160, 3, 2, 3),
    (6, 320, 1, 1, 3),
]
EFFICIENTNET_LITE0 = [
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
]


def mobilenet_v2(layers: list[str], output_stride: int) -> MobileFeatures:
    """MobileNetV2, with the normalisation of torchvision's and compatible ImageNet weights."""
    return MobileFeatures(MOBILENET_V2, layers, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375), 1e-5, output_stride)


def efficientnet_lite0(layers: list[str], output_stride: int) -> MobileFeatures:
    """EfficientNet-Lite0, with the normalisation and the batch-norm epsilon of its TensorFlow original."""
    return MobileFeatures(EFFICIENTNET_LITE0, layers, (127.0,) * 3, (128.0,) * 3, 1e-3, output_stride)


def convert(tensors: dict[str, Tensor], network: MobileFeatures) -> dict[str, Tensor]:
    """A state dict of another definition of the same network, by this one's names.

    Both are written down in the order in which the network computes, so the tensors pair up in order; shapes are then
    checked by ``load_state_dict``. Classifier and head, which come last, are left over. Raises ValueError where
    there are too few tensors.
    """
    given = [t for name, t in tensors.items() if not name.endswith("num_batches_tracked")]
    wanted = [name for name in network.state_dict() if not name.endswith("num_batches_tracked")]
    if len(given) < len(wanted):
        raise ValueError(f"{len(given)} tensors, expected at least {len(wanted)}")
    return dict(zip(wanted, given, strict=False))
