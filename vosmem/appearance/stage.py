"""Frames to feature file: one data set per cached layer, ``/<layer>`` (T, C, h, w)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from vosmem import cache, config, video, weights
from vosmem import precision as precisions
from vosmem.ahead import side_by_side
from vosmem.appearance import (
    DEFAULT_LAYERS,
    LAYERS,
    STAGE_VERSION,
    WITHOUT_WEIGHTS,
    deeplab_largefov,
    deeplabv3,
    isnet,
    mobile,
    nested,
    rgb,
    u2net,
)
from vosmem.data import describe
from vosmem.device import threads_for_frames
from vosmem.errors import UserError

CPU = torch.device("cpu")
BATCH = {"cpu": 1, "cuda": 8}  # frames at a time: a GPU would wait for each to be handed over; cores are busy with one


@dataclass(frozen=True)
class Network:
    """A row of the registry: how to make the network, how to name a foreign file's tensors, what can be cached."""

    make: Callable[[list[str], dict[str, Any]], nn.Module]  # of the layers and the config's section
    convert: Callable[[dict[str, Tensor], nn.Module], dict[str, Tensor]]
    layers: tuple[str, ...]
    for_bfloat16: Callable[[nn.Module], object] = lambda model: None  # what makes it fit for that
    narrow: bool = False  # whether its maps are too small for one frame to keep several cores busy


NETWORKS = {
    "efficientnet_lite0": Network(
        lambda layers, settings: mobile.efficientnet_lite0(layers, settings["output_stride"]),
        mobile.convert,
        layers=LAYERS["efficientnet_lite0"],
        narrow=True,
    ),
    "mobilenet_v2": Network(
        lambda layers, settings: mobile.mobilenet_v2(layers, settings["output_stride"]),
        mobile.convert,
        layers=LAYERS["mobilenet_v2"],
        narrow=True,
    ),
    "deeplab_largefov": Network(
        lambda layers, _: deeplab_largefov.DeepLabLargeFOV(layers),
        deeplab_largefov.convert,
        layers=LAYERS["deeplab_largefov"],
    ),
    **{
        name: Network(
            lambda layers, settings, make=make: make(layers, settings["saliency_size"]),
            lambda tensors, _, make=make: u2net.convert(tensors, make),
            layers=LAYERS[name],
            for_bfloat16=nested.Nested.centre,
            narrow=name == "u2netp",
        )
        for name, make in (("u2netp", u2net.U2NetP), ("u2net", u2net.U2Net))
    },
    "isnet": Network(
        lambda layers, settings: isnet.ISNet(layers, settings["isnet_size"]),
        lambda tensors, _: isnet.convert(tensors),
        layers=LAYERS["isnet"],
    ),
    **{
        f"deeplabv3_{backbone}": Network(
            lambda layers, _, make=make: make(layers),
            deeplabv3.convert,
            layers=LAYERS[f"deeplabv3_{backbone}"],
        )
        for backbone, make in (
            ("resnet50", deeplabv3.resnet50),
            ("resnet101", deeplabv3.resnet101),
            ("mobilenet_v3_large", deeplabv3.mobilenet_v3_large),
        )
    },
    "rgb": Network(lambda layers, _: rgb.MeanColour(), lambda tensors, _: {}, layers=LAYERS["rgb"]),
}


def build(
    network: str, settings: dict[str, Any], path: Path | None,
    device: torch.device = CPU, precision: str = "float32",
) -> nn.Module:  # fmt: skip
    """The network with its weights on ``device``, frozen, in evaluation mode, channels last in memory.

    ``settings``: the config's section ``appearance``; ``path``: of the weights, not looked at for a network that has
    none; ``precision``: a key's value, that of :func:`features` later.
    """
    row, layers = NETWORKS[network], settings["layers"]
    unknown = [name for name in layers if name not in row.layers]
    if unknown:
        raise UserError(f"appearance.layers: {network} has no layer {unknown[0]!r}; it has {', '.join(row.layers)}")
    model = row.make(list(layers) or list(DEFAULT_LAYERS[network]), settings)
    if network not in WITHOUT_WEIGHTS:
        _load(model, network, path)
    fold_batch_norm(model.eval().requires_grad_(False))
    model.to(device, memory_format=torch.channels_last)
    if precisions.choose(precision, device) == "bfloat16":
        row.for_bfloat16(model)
    return model


def _load(model: nn.Module, network: str, path: Path) -> None:
    """Put the weights of a file into the network. Raises UserError that tells what of them does not fit."""
    try:
        ours = NETWORKS[network].convert(weights.load(path), model)
        missing, unexpected = model.load_state_dict(ours, strict=False)
        if [m for m in missing if "num_batches" not in m] or unexpected:
            raise ValueError(f"missing {missing[:3]}, unexpected {unexpected[:3]}")
    except (ValueError, RuntimeError) as error:
        told = " ".join(str(error).split())
        told = told if isinstance(error, ValueError) else told[:200]  # PyTorch's repeats itself
        raise UserError(f"{path}: does not hold the weights of {network} ({told}); set appearance.weights") from None


def fold_batch_norm(module: nn.Module) -> nn.Module:
    """Put every batch normalisation that follows a convolution into that convolution's weights; changes ``module``.

    Which follows which is told by the order in which a module defines them.
    """
    for (name, convolution), (after, norm) in pairwise(list(module.named_children())):
        if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, name, fuse_conv_bn_eval(convolution, norm))
            setattr(module, after, nn.Identity())
    for child in module.children():
        fold_batch_norm(child)
    return module


def features(
    model: nn.Module, frames: np.ndarray, device: torch.device, precision: str = "float32"
) -> dict[str, np.ndarray]:
    """Frames (N, H, W, 3) uint8 BGR -> for each layer (N, C, h, w) float32.

    ``precision``: of the convolutions' factors; their sums are float32 either way.
    """
    rgb = torch.from_numpy(np.ascontiguousarray(frames[..., ::-1]))  # (N, H, W, 3)
    rgb = rgb.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else rgb
    x = rgb.permute(0, 3, 1, 2).float()  # (N, 3, H, W), channels last in memory
    with torch.inference_mode(), precisions.multiplying(precision, device):
        return {name: m.float().cpu().numpy() for name, m in model(x).items()}


def run(
    description: Path, out: Path, network: str, settings: dict[str, Any], path: Path | None, device: torch.device
) -> int:
    """Compute the features of one sequence and write them to ``out``. Returns the number of frames."""
    sequence = describe.read(description)
    own = precisions.settled(config.settings_for("appearance", settings, network), device)
    precision = own.get("precision", "float32")
    model = build(network, settings, path, device, precision)
    told = {k: v for k, v in own.items() if k not in ("network", "weights")} | {"layers": list(model.layers)}
    sha256 = "" if network in WITHOUT_WEIGHTS else weights.sha256(path)
    maker = cache.Maker("appearance", STAGE_VERSION, network, told, sha256)
    with cache.write(out, sequence.clip, maker) as file:
        frames, created = video.frames(sequence.frame_paths, sequence.working_size), False
        batches = iter(lambda: list(islice(frames, BATCH[device.type])), [])
        threads = threads_for_frames(device) if NETWORKS[network].narrow else 1
        for maps in side_by_side(lambda b: features(model, np.stack(b), device, precision), batches, threads):
            for name, rows in maps.items():  # (n, C, h, w) each
                if not created:
                    file.create(name, rows.shape[1:], model.grid(name, sequence.working_size))
                file.append(name, rows)
            created = True
    return len(sequence.frames)
