"""What the weighed sides of U2-Net leave to be mended: a small network on its decoder's maps moves outlines.

Beyond the paper, in its manner: the network below stays frozen, little is trained on top. It sees the two finest maps
of the decoder, of which d1 and d2 are one convolution each, beside what the first pass says, and adds to the logits of
the weighed sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosmem import weights
from vosmem.errors import UserError
from vosmem.fused import rectified
from vosmem.refine import zoom

# Of U2-Net and of U2-Net-p, and their channels: of the window's own size, and of half of it.
LAYERS = {"stage1d": 64, "stage2d": 64}
CUES = 7  # the first pass's logit, six sides
DILATIONS = (1, 2, 4)
WIDTH = 24


class Correction(nn.Module):
    """Frozen maps and cues of a window to what is added to its logits.

    Channels of the maps are standardised by ``mean`` and ``deviation``, (128,) each, stage1d's first.
    """

    def __init__(self, width: int = WIDTH):
        super().__init__()
        channels = sum(LAYERS.values())
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.maps = nn.ModuleList(nn.Conv2d(n, width, 1) for n in LAYERS.values())
        self.first = nn.Conv2d(width + CUES, width, 3, padding=1)
        self.further = nn.ModuleList(nn.Conv2d(width, width, 3, padding=d, dilation=d) for d in DILATIONS)
        self.out = nn.Conv2d(width, 1, 1)
        nn.init.zeros_(self.out.weight)  # so that at first nothing is corrected
        nn.init.zeros_(self.out.bias)

    def forward(self, fine: Tensor, coarse: Tensor, cues: Tensor, dropout: float = 0.0) -> Tensor:
        """(N, 64, h, w), (N, 64, h/2, w/2) and (N, 7, h, w) -> (N, h, w) logits.

        ``cues``: see :func:`cues_of`; ``dropout``: the share of the maps' channels that is left out.
        """
        means, deviations = (b.split(list(LAYERS.values())) for b in (self.mean, self.deviation))
        told = []
        for x, convolution, mean, deviation in zip((fine, coarse), self.maps, means, deviations, strict=True):
            if dropout:
                x = (x - mean[:, None, None]) / deviation[:, None, None]
                told.append(convolution(F.dropout2d(x, dropout)))
            else:  # the same, with less to go over
                weight = convolution.weight / deviation[:, None, None]  # (width, 64, 1, 1)
                told.append(F.conv2d(x, weight, convolution.bias - weight.flatten(1) @ mean))
        # 1x1 convolutions and bilinear sampling may change places, and fewer channels are quicker to enlarge
        x = told[0] + F.interpolate(told[1], told[0].shape[-2:], mode="bilinear")
        x = rectified(self.first, torch.cat([F.relu(x), cues], 1))
        for convolution in self.further:
            x = x + rectified(convolution, x)
        return self.out(x)[:, 0]

    def added(self, maps: Sequence[np.ndarray], logits: np.ndarray, sides: np.ndarray) -> np.ndarray:
        """What is to be added to a window's logits, (h, w) float32.

        ``maps``: the network's `LAYERS` of the window, (64, h, w) and (64, h/2, w/2); ``logits`` and ``sides`` see
        :func:`cues_of`.
        """
        given = (torch.from_numpy(m.astype(np.float32, copy=False))[None] for m in (*maps, cues_of(logits, sides)))
        with torch.inference_mode():
            return self(*(m.to(self.mean.device) for m in given))[0].cpu().numpy()


def cues_of(logits: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """(7, h, w) float32 of the first pass's ``logits`` (h, w) and the ``sides`` (6, h, w), both as they are weighed."""
    return np.concatenate([logits[None] / 4, sides]).astype(np.float32)


def save(
    path: Path, model: Correction, network: str, trained_on: Sequence[str], summed_by: Sequence[float] | None = None
) -> None:
    """Write the weights as float16, with the names of the sequences that they were trained on.

    ``network``: whose maps they are for, a value of the key ``refine.zoom.network``; ``summed_by``: the weights of the
    sum that they correct, (8,); they are kept to two decimals.
    """
    told: dict[str, object] = {"network": network, "trained_on": sorted(trained_on)}
    if summed_by is not None:
        told["weights"] = [round(float(w), 2) for w in summed_by]
    weights.save(path, {name: tensor.half() for name, tensor in model.state_dict().items()}, told)


def summed_by(path: Path) -> list[float]:
    """The weights of the sum that a file's network corrects, (8,). Raises UserError where the file does not tell."""
    told = weights.metadata(path).get("weights")
    if not (isinstance(told, list) and len(told) == 8 and all(type(w) in (int, float) and isfinite(w) for w in told)):
        raise UserError(
            f"{path}: does not tell the eight weights of the sum that it corrects; "
            "give refine.zoom.weights, or train it again"
        )
    return told


def sum_of(keys: Mapping[str, Any], corrected_by: Path | None) -> list[float]:
    """The weights of the sum, (8,): those of ``keys``, the config's section `refine.zoom`, or else those that the
    correction ``corrected_by`` was trained with; where nothing corrects, those of the one that comes with vosmem."""
    return list(keys["weights"]) or summed_by(corrected_by or zoom.shipped(keys["network"]).path())


def load(path: Path, device: torch.device, network: str) -> Correction:
    """What a file holds, frozen. Raises UserError where that is something else, or is for another ``network``."""
    zoom.check_network(path, network)
    tensors = weights.load(path)
    try:
        if "out.weight" not in tensors:
            raise ValueError("out.weight: got none")
        model = weights.fitted(tensors, lambda: Correction(tensors["out.weight"].shape[1]))
        model.load_state_dict(tensors)
    except (ValueError, RuntimeError, IndexError) as error:
        raise UserError(
            f"{path}: does not hold the weights of a correction ({' '.join(str(error).split())[:200]}); "
            "set refine.zoom.correction to shipped or none"
        ) from None
    return model.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)
