"""Hold a refined map to the coarse one it came from: what smoothing took from a cell is put back, then smoothed anew.

After Irani, Peleg, *Improving Resolution by Image Registration*, CVGIP 1991. A filter that follows edges also wears
thin parts away; the cells' own probabilities tell how much object was there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vosmem.grid import Grid, area_weights, linear_weights


def back_project(
    cells: np.ndarray, grid: Grid, pixels: Grid, smooth: Callable[[np.ndarray], np.ndarray], rounds: int
) -> np.ndarray:
    """Up-sample ``cells`` and smooth; then, ``rounds`` times, add what its averages lack and smooth again.

    ``cells``: (h, w) float in 0..1 on ``grid``; ``smooth``: a map (H, W) float32 on ``pixels`` to the same. Returns
    (H, W) float32, near 0..1.
    """
    cells = cells.astype(np.float32)
    down, up = (
        [w(a, b).astype(np.float32) for a, b in axes]
        for w, axes in (
            (area_weights, ((pixels.y, grid.y), (pixels.x, grid.x))),
            (linear_weights, ((grid.y, pixels.y), (grid.x, pixels.x))),
        )
    )
    refined = smooth(up[0] @ cells @ up[1].T)  # (H, W)
    for _ in range(rounds):
        lack = cells - down[0] @ refined @ down[1].T  # (h, w)
        refined = smooth(np.clip(refined + up[0] @ lack @ up[1].T, 0, 1))  # (H, W)
    return refined
