"""What a cache takes on the disk, by what it holds: told before it is made, without the networks that make it.

The shapes are those of docs/formats.md; a test holds them against the networks' own. Cheap to import: the workflow asks
it before a run starts.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from vosmem.appearance import DEFAULT_LAYERS
from vosmem.motion import SALIENT

Size = tuple[int, int]  # (H, W) in pixels of the working frame
Shape = tuple[int, int, int]  # (C, h, w)

HEADING = 30_000  # bytes of a file besides its chunks, about
CHUNK = 64  # and of each chunk besides its values, about
FLOAT16 = 2
# of the blocks of the mobile networks: their channels and their stride where none is turned into dilation
MOBILE = {
    "mobilenet_v2": (
        (16, 2), *[(24, 4)] * 2, *[(32, 8)] * 3, *[(64, 16)] * 4, *[(96, 16)] * 3, *[(160, 32)] * 3, (320, 32),
    ),
    "efficientnet_lite0": (
        (16, 2), *[(24, 4)] * 2, *[(40, 8)] * 2, *[(80, 16)] * 3, *[(112, 16)] * 3, *[(192, 32)] * 4, (320, 32),
    ),
}  # fmt: skip
# of the layers of DeepLabV3: channels, stride
RESNET = {"layer1": (256, 4), "layer2": (512, 8), "layer3": (1024, 8), "layer4": (2048, 8)}
DEEPLABV3 = {
    "deeplabv3_resnet50": {**RESNET, "aspp": (256, 8), "scores": (21, 8)},
    "deeplabv3_resnet101": {**RESNET, "aspp": (256, 8), "scores": (21, 8)},
    "deeplabv3_mobilenet_v3_large": {
        "block3": (24, 4), "block6": (40, 8), "block12": (112, 16), "block16": (960, 16), "aspp": (256, 16),
        "scores": (21, 16),
    },
}  # fmt: skip
DEEPLAB = {"conv5_3": 512, "fc6": 1024, "fc7": 1024}
# of the layers of the nested networks: channels, pixels of the input to a cell
NESTED = {
    "u2netp": {
        "full_sides": (7, 1), "sides": (7, 2), "stage1d": (64, 1), "stage2d": (64, 2), "stage3d": (64, 4),
        "stage4d": (64, 8), "stage5d": (64, 16), "stage6": (64, 32),
    },
    "u2net": {
        "full_sides": (7, 1), "sides": (7, 2), "stage1d": (64, 1), "stage2d": (64, 2), "stage3d": (128, 4),
        "stage4d": (256, 8), "stage5d": (512, 16), "stage6": (512, 32),
    },
    "isnet": {
        "full_sides": (6, 2), "sides": (6, 4), "stage1d": (64, 2), "stage2d": (64, 4), "stage3d": (128, 8),
        "stage4d": (256, 16), "stage5d": (512, 32), "stage6": (512, 64),
    },
}  # fmt: skip
# and what sizes are multiples of
SIZE_KEYS = {"u2netp": ("saliency_size", 32), "u2net": ("saliency_size", 32), "isnet": ("isnet_size", 64)}


def bytes_of(stage: str, name: str, settings: Mapping[str, Any], frames: int, size: Size) -> int:
    """Bytes of one cache file, about: of stage flow, appearance, motion or memory, by the method or network ``name``.

    ``settings``: what of the stage's section of the config the name depends on.
    """
    shapes = {"flow": flow, "appearance": appearance, "motion": motion, "memory": memory}[stage](name, settings, size)
    return HEADING + frames * sum(math.prod(shape) * FLOAT16 + CHUNK for shape in shapes)


def flow(name: str, settings: Mapping[str, Any], size: Size) -> list[Shape]:
    """Of one frame: a field in each direction."""
    scale = settings["scale"] if name == "raft" else 1.0
    field = (2, *(max(1, round(n * scale)) for n in size))
    return [field] * (2 if settings["backward"] else 1)


def appearance(name: str, settings: Mapping[str, Any], size: Size) -> list[Shape]:
    """Of one frame: the layers' maps."""
    return [_layer(name, layer, settings, size) for layer in settings["layers"] or DEFAULT_LAYERS[name]]


def _layer(name: str, layer: str, settings: Mapping[str, Any], size: Size) -> Shape:
    if name in MOBILE:
        channels, stride = MOBILE[name][int(layer.removeprefix("block"))]
        return channels, *_cells(size, min(stride, settings["output_stride"]))
    if name == "deeplab_largefov":
        for _ in range(3):  # poolings, each of which rounds up and adds a window of padding
            size = size[0] // 2 + 1, size[1] // 2 + 1
        return DEEPLAB[layer], *size
    if name in DEEPLABV3:
        channels, stride = DEEPLABV3[name][layer]
        return channels, *_cells(size, stride)
    if name == "rgb":
        return 3, *_cells(size, 8)
    (key, multiple), (channels, step) = SIZE_KEYS[name], NESTED[name][layer]
    given = settings[key]
    if isinstance(given, int):
        scale = given / min(size)
        given = [max(1, round(n * scale / multiple)) * multiple for n in size]
    return channels, *(n // step for n in given)


def motion(name: str, settings: Mapping[str, Any], size: Size) -> list[Shape]:
    """Of one frame: the residual's maps, a salient object detector's sides for both directions, or one probability."""
    if name == "residual":
        return [(8, *_cells(size, 4))]
    if name in SALIENT:
        return [(14, *(n // 2 for n in settings["saliency_size"]))]
    height, width = settings["size"]
    stretch = math.sqrt((size[0] / size[1]) / (480 / 854))
    shrink = 4 if settings["pool"] else 2
    return [(1, *(max(32, 4 * round(n / 4)) // shrink for n in (height * stretch, width / stretch)))]


def memory(_: str, settings: Mapping[str, Any], size: Size) -> list[Shape]:
    """Of one frame: the probability, on the grid of the read-out."""
    return [(1, *(n * settings["finer"] for n in _cells(size, 8)))]


def _cells(size: Iterable[int], stride: int) -> list[int]:
    return [-(-n // stride) for n in size]
