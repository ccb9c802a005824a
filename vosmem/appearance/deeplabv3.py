"""DeepLabV3 on ResNet-50, ResNet-101 and MobileNetV3-Large: features of a network that knows the 20 objects of VOC.

Chen et al., *Rethinking Atrous Convolution for Semantic Image Segmentation*, 2017: a classification network whose last
strides became dilations, atrous spatial pyramid pooling (ASPP, section 3.3) and a classifier. The ResNets (He et al.,
CVPR 2016) stride in the 3x3 convolution of a block and end on stride 8; MobileNetV3-Large (Howard et al., ICCV 2019,
table 1) ends on stride 16. Modules are named as torchvision names them, so that its checkpoints load as they are.

Every strided convolution and pooling pads symmetrically, so cell i of a map of stride s is centred on pixel s i.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from vosmem.grid import Grid

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # of RGB in 0..255
CLASSES = 21  # background, then VOC's 20
WIDTH = 256  # of the ASPP's output
RATES = (12, 24, 36)  # of the ASPP's dilated convolutions


def conv_bn(c_in: int, c_out: int, kernel: int = 1, dilation: int = 1) -> list[nn.Module]:
    """A convolution that keeps the size, batch normalisation, ReLU."""
    convolution = nn.Conv2d(c_in, c_out, kernel, padding=dilation * (kernel // 2), dilation=dilation, bias=False)
    return [convolution, nn.BatchNorm2d(c_out), nn.ReLU(inplace=True)]


class Bottleneck(nn.Module):
    """A ResNet block: 1x1, 3x3, 1x1 to four times the width, and the input added."""

    def __init__(self, c_in: int, width: int, stride: int, dilation: int):
        super().__init__()
        c_out = 4 * width
        self.conv1 = nn.Conv2d(c_in, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, c_out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = nn.Sequential(nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, h, w) -> (N, 4 width, h / stride, w / stride)."""
        y = self.bn1(self.conv1(x)).relu_()
        y = self.bn2(self.conv2(y)).relu_()
        y = self.bn3(self.conv3(y))
        return (y + (x if self.downsample is None else self.downsample(x))).relu_()


class ResNet(nn.Module):
    """``blocks``: of each of the four layers. The strides of the last two are dilations: stride 8."""

    # name -> channels, stride of the map
    stages: ClassVar = {"layer1": (256, 4), "layer2": (512, 8), "layer3": (1024, 8), "layer4": (2048, 8)}

    def __init__(self, blocks: tuple[int, int, int, int]):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        c_in, plan = 64, ((64, 1, 1, 1), (128, 2, 1, 1), (256, 1, 1, 2), (512, 1, 2, 4))
        # The block that would have strided still reads its neighbours where it did: it has its own dilation.
        for i, (count, (width, stride, first, dilation)) in enumerate(zip(blocks, plan, strict=True), 1):
            layer = nn.Sequential()
            for block in range(count):
                layer.append(Bottleneck(c_in, width, 1 if block else stride, dilation if block else first))
                c_in = 4 * width
            self.add_module(f"layer{i}", layer)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) -> the maps of all four layers."""
        x = self.maxpool(self.bn1(self.conv1(x)).relu_())  # (N, 64, H/4, W/4)
        maps = {}
        for name in self.stages:
            x = maps[name] = getattr(self, name)(x)
        return maps


class SqueezeExcitation(nn.Module):
    """Scales each channel by what the means of all channels say."""

    def __init__(self, channels: int, squeezed: int):
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, 1)
        self.fc2 = nn.Conv2d(squeezed, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)  # (N, C, 1, 1)
        return x * nn.functional.hardsigmoid(self.fc2(self.fc1(mean).relu_()))


class InvertedResidual(nn.Module):
    """A block of MobileNetV3: 1x1 expansion, depthwise convolution, squeeze and excitation, 1x1 projection."""

    def __init__(self, c_in: int, hidden: int, c_out: int, kernel: int, stride: int, dilation: int, squeeze: bool,
                 hard: bool):  # fmt: skip
        super().__init__()
        self.block = nn.Sequential()
        if hidden != c_in:
            self.block.append(mobile_conv(c_in, hidden, 1, 1, 1, 1, hard))
        self.block.append(mobile_conv(hidden, hidden, kernel, stride, dilation, hidden, hard))
        if squeeze:
            self.block.append(SqueezeExcitation(hidden, -(-hidden // 32) * 8))  # a quarter, in eights
        self.block.append(mobile_conv(hidden, c_out, 1, 1, 1, 1, None))
        self.residual = stride == 1 and c_in == c_out

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, h, w) -> (N, c_out, h / stride, w / stride)."""
        return x + self.block(x) if self.residual else self.block(x)


def mobile_conv(
    c_in: int, c_out: int, kernel: int, stride: int, dilation: int, groups: int, hard: bool | None
) -> nn.Sequential:
    """Convolution, batch normalisation, and hard swish or ReLU, or neither (None)."""
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(c_in, c_out, kernel, stride, padding, dilation, groups, bias=False)
    layers: list[nn.Module] = [convolution, nn.BatchNorm2d(c_out, 1e-3)]
    if hard is not None:
        layers.append(nn.Hardswish(inplace=True) if hard else nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


# channels inside, channels out, kernel, stride, dilation, squeeze and excitation, hard swish in the place of ReLU
MOBILENET_V3_LARGE = [
    (16, 16, 3, 1, 1, False, False),
    (64, 24, 3, 2, 1, False, False), (72, 24, 3, 1, 1, False, False),
    (72, 40, 5, 2, 1, True, False), (120, 40, 5, 1, 1, True, False), (120, 40, 5, 1, 1, True, False),
    (240, 80, 3, 2, 1, False, True), (200, 80, 3, 1, 1, False, True), (184, 80, 3, 1, 1, False, True),
    (184, 80, 3, 1, 1, False, True), (480, 112, 3, 1, 1, True, True), (672, 112, 3, 1, 1, True, True),
    (672, 160, 5, 1, 2, True, True), (960, 160, 5, 1, 2, True, True), (960, 160, 5, 1, 2, True, True),
]  # fmt: skip


class MobileNetV3(nn.Sequential):
    """MobileNetV3-Large: a stem, 15 blocks, a 1x1 convolution; numbered 0 to 16."""

    stages: ClassVar = {"block3": (24, 4), "block6": (40, 8), "block12": (112, 16), "block16": (960, 16)}

    def __init__(self):
        super().__init__(mobile_conv(3, 16, 3, 2, 1, 1, True))
        c_in = 16
        for hidden, c_out, *others in MOBILENET_V3_LARGE:
            self.append(InvertedResidual(c_in, hidden, c_out, *others))
            c_in = c_out
        self.append(mobile_conv(c_in, 960, 1, 1, 1, 1, True))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) -> the maps of the named blocks."""
        maps = {}
        for i, block in enumerate(self):
            x = block(x)
            if f"block{i}" in self.stages:
                maps[f"block{i}"] = x
        return maps


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: five views of a map, near to global, joined."""

    def __init__(self, c_in: int):
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.Sequential(*conv_bn(c_in, WIDTH)),
                *(nn.Sequential(*conv_bn(c_in, WIDTH, 3, rate)) for rate in RATES),
                nn.Sequential(nn.AdaptiveAvgPool2d(1), *conv_bn(c_in, WIDTH)),
            ]
        )
        self.project = nn.Sequential(*conv_bn(5 * WIDTH, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        """(N, c_in, h, w) -> (N, 256, h, w)."""
        views = [conv(x) for conv in self.convs]
        views[-1] = views[-1].expand_as(views[0])  # (N, 256, 1, 1) -> (N, 256, h, w)
        return self.project(torch.cat(views, 1))


class DeepLabV3(nn.Module):
    """A backbone and, as far as ``layers`` ask for it, the head: ``aspp`` and ``scores``, logits of 21 classes."""

    def __init__(self, backbone: ResNet | MobileNetV3, layers: list[str]):
        super().__init__()
        self.layers, self.backbone = layers, backbone
        self.channels, self.stride = list(backbone.stages.values())[-1]
        self.classifier = None
        if {"aspp", "scores"} & {*layers}:
            self.classifier = nn.Sequential(
                ASPP(self.channels), *conv_bn(WIDTH, WIDTH, 3), nn.Conv2d(WIDTH, CLASSES, 1)
            )
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def grid(self, layer: str, frame: tuple[int, int]) -> Grid:
        """Where the cells of ``layer`` lie in a frame of (H, W) pixels: cell i on pixel stride * i."""
        stride = self.backbone.stages.get(layer, (0, self.stride))[1]
        return Grid.of([-(-n // stride) for n in frame], (stride, stride), (0, 0))

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) RGB in 0..255 -> for each of ``layers`` its map (N, C, ceil(H/s), ceil(W/s))."""
        maps = self.backbone((frames - self.mean) / self.std)
        if self.classifier is not None:
            maps["aspp"] = self.classifier[0](list(maps.values())[-1])
        if "scores" in self.layers:
            maps["scores"] = self.classifier[1:](maps["aspp"])
        return {name: maps[name] for name in self.layers}


def resnet50(layers: list[str]) -> DeepLabV3:
    """DeepLabV3 on ResNet-50."""
    return DeepLabV3(ResNet((3, 4, 6, 3)), layers)


def resnet101(layers: list[str]) -> DeepLabV3:
    """DeepLabV3 on ResNet-101."""
    return DeepLabV3(ResNet((3, 4, 23, 3)), layers)


def mobilenet_v3_large(layers: list[str]) -> DeepLabV3:
    """DeepLabV3 on MobileNetV3-Large."""
    return DeepLabV3(MobileNetV3(), layers)


def convert(tensors: dict[str, Tensor], network: DeepLabV3) -> dict[str, Tensor]:
    """A checkpoint of torchvision less what the network has no use for.

    That is the auxiliary classifier of its training, and the head where only layers below it are asked for.
    """
    parts = ("aux_classifier.", *(("classifier.",) if network.classifier is None else ()))
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(parts)}
