"""What the closer look looks by: U2-Net-p on the pixels of a window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from vosmem.appearance import stage as appearance
from vosmem.refine.zoom import INPUT, NETWORK, Look

PRECISION = "bfloat16"


def look_by(weights: Path, device: torch.device) -> Look:
    """A function from a window's pixels, (h, w, 3) uint8 BGR, to its sides d1 .. d6, (6, h', w') float16 logits.

    ``weights``: U2-Net-p's. Raises UserError where the file holds others.
    """
    model = appearance.build(NETWORK, {"layers": ["full_sides"], "saliency_size": INPUT}, weights)
    model = model.to(device, memory_format=torch.channels_last)

    def look(pixels: np.ndarray) -> np.ndarray:
        sides = appearance.features(model, pixels[None], device, PRECISION)["full_sides"]  # (1, 7, h', w'), d0 first
        return sides[0, 1:].astype(np.float16)

    return look
