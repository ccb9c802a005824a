"""What the closer look looks by: U2-Net on the pixels of a window, and the correction of what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vosmem.appearance import stage
from vosmem.refine import correction, zoom

SIDES = "full_sides"
PRECISION = "auto"  # of its convolutions, see the keys of that name


def eye(
    network: str, weights: Path, device: torch.device, layers: Iterable[str] = ()
) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """A function from a window's pixels, (h, w, 3) uint8 BGR, to the maps of U2-Net or U2-Net-p, (C, h', w') float32.

    ``full_sides``, without the fused d0, and ``layers`` besides. ``network``: the key ``refine.zoom.network``;
    ``weights``: its. Raises UserError where the file holds others.
    """
    settings = {"layers": [SIDES, *layers], "saliency_size": zoom.INPUT}
    model = stage.build(network, settings, weights, device, PRECISION)

    def see(pixels: np.ndarray) -> dict[str, np.ndarray]:
        maps = {name: m[0] for name, m in stage.features(model, pixels[None], device, PRECISION).items()}
        return maps | {SIDES: maps[SIDES][1:]}

    return see


def prepared(
    keys: Mapping[str, Any], weights: Path, device: torch.device, trained: Path | None = None
) -> tuple[dict[str, Any], zoom.Look]:
    """The config's section `refine.zoom` with the weights of its sum, and what it looks by.

    ``weights``: of the key ``network``; ``trained``: a correction in the place of the one that the section names.
    Raises UserError where a file holds something else, or the correction is for another network.
    """
    corrected_by = trained or zoom.corrected_by(keys)
    look = look_by(keys["network"], weights, device, corrected_by, keys["mirrored"])
    return {**keys, "weights": correction.sum_of(keys, corrected_by)}, look


def look_by(
    network: str, weights: Path, device: torch.device, corrected_by: Path | None = None, mirrored: bool = False
) -> zoom.Look:
    """What :func:`zoom.closer` looks by.

    ``network``, ``weights``: see :func:`eye`; ``corrected_by``: weights of a :class:`correction.Correction`, or None;
    ``mirrored``: a second view is that of the mirrored window, which takes as long again.
    """
    view = _view(network, weights, device, corrected_by)

    def look(pixels: np.ndarray, logits: np.ndarray) -> list[zoom.View]:
        views = [view(pixels, logits)]
        if mirrored:
            sides, added = view(np.ascontiguousarray(pixels[:, ::-1]), logits[:, ::-1])
            views.append((sides[..., ::-1], None if added is None else added[..., ::-1]))
        return views

    return look


def _view(
    network: str, weights: Path, device: torch.device, corrected_by: Path | None
) -> Callable[[np.ndarray, np.ndarray], zoom.View]:
    """A function from a window's pixels, and the logits in it, to what is seen there."""
    if corrected_by is None:
        see = eye(network, weights, device)
        return lambda pixels, _: (see(pixels)[SIDES].astype(np.float16), None)
    see = eye(network, weights, device, correction.LAYERS)
    model = correction.load(corrected_by, device, network)

    def view(pixels: np.ndarray, logits: np.ndarray) -> zoom.View:
        maps = see(pixels)
        added = model.added([maps[layer] for layer in correction.LAYERS], logits, zoom.clear(maps[SIDES]))
        return maps[SIDES].astype(np.float16), added.astype(np.float16)

    return view
