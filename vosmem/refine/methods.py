"""The methods that turn a probability map into a full-size mask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vosmem import video
from vosmem.grid import Grid, resample
from vosmem.refine import bilateral, crf, guided

# name -> from the cells (h, w) on their grid, the working frame (H, W, 3), and the method's own keys of the config's
# section `refine` to the map (H, W) of the working frame's pixels. raw and temporal look at no frame; zoom has looked
# when its cells come here, see :mod:`vosmem.refine.zoom`.
METHODS: dict[str, Callable[..., np.ndarray] | None] = {
    "raw": None,
    "temporal": None,
    "bilateral": bilateral.refine,
    "guided": guided.refine,
    "zoom": bilateral.refine,
    "crf": crf.refine,
}


def probability(
    method: str,
    cells: np.ndarray,
    grid: Grid,
    pixels: Grid,
    frame: Callable[[], np.ndarray],
    settings: Mapping[str, Any],
) -> np.ndarray:
    """The full-size map of one frame.

    ``cells``: (h, w) float32 in 0..1 on ``grid``; ``pixels``: the full-size frame's pixels in the working frame;
    ``frame``: reads the working frame, (H, W, 3) uint8 BGR, and is called only by methods that look at it;
    ``settings``: the method's keys. Returns (H', W') float32, near 0..1.
    """
    refine = METHODS[method]
    if refine is None:
        return resample(cells, grid, pixels)
    return video.resize(refine(cells, grid, frame(), **settings), pixels.shape)
