"""MP-Net's weights as a safetensors file that says how they were made and how to use them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vosmem import weights
from vosmem.errors import UserError
from vosmem.motion import STAGE_VERSION
from vosmem.motion.encoding import CHANNELS
from vosmem.motion.mpnet import MPNet


def save(network: MPNet, path: str | os.PathLike, *, width: float, encoding: str, settings: Mapping[str, Any]) -> None:
    """Write the network: convolutions as float16, the few vectors (biases, batch normalisation) as float32.

    settings: what it was trained with, any JSON values; written down, not used.
    """
    tensors = {
        name: tensor.to(torch.float16 if tensor.ndim == 4 else torch.float32).contiguous().cpu()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    told = {
        "network": "mpnet",
        "version": STAGE_VERSION,
        "width": width,
        "encoding": encoding,
        "trained_on": [],  # no sequence of video: synthetic flow only
        "settings": dict(settings),
    }
    weights.save(path, tensors, told)


def load(path: str | os.PathLike) -> tuple[MPNet, str]:
    """The network in evaluation mode, frozen, and the name of the encoding that it was trained with.

    Raises UserError where the file holds something else.
    """
    path = Path(path)
    tensors = weights.load(path)  # tells what is wrong with a missing or broken file
    told = weights.metadata(path)
    try:
        width, encoding = told["width"], told["encoding"]
        network = weights.fitted(tensors, lambda: MPNet(width, CHANNELS[encoding]))
        missing, unexpected = network.load_state_dict(tensors, strict=False)
        if [name for name in missing if not name.endswith("num_batches_tracked")] or unexpected:
            raise ValueError(f"missing {missing[:3]}, unexpected {unexpected[:3]}")
    except (KeyError, ValueError, RuntimeError, TypeError, OverflowError) as error:
        what = " ".join(str(error).split())[:160]
        raise UserError(f"{path}: does not hold MP-Net as vosmem writes it ({what}); set motion.weights") from None
    return fuse(network).eval().requires_grad_(False), encoding


def fuse(network: MPNet) -> MPNet:
    """Put every batch normalisation into the convolution before it: the same function in evaluation mode, faster."""
    network.eval()
    for block in network.modules():
        if isinstance(block, nn.Sequential) and len(block) == 3 and isinstance(block[1], nn.BatchNorm2d):
            block[0] = nn.utils.fusion.fuse_conv_bn_eval(block[0], block[1])
            block[1] = nn.Identity()
    return network
