"""Joint bilateral up-sampling: every pixel takes the mean of the pixels that are near to it and alike in colour.

Kopf, Cohen, Lischinski, Uyttendaele, *Joint Bilateral Upsampling*, SIGGRAPH 2007, with the frame's colours, both
weights Gaussian, by the permutohedral lattice.
"""

from __future__ import annotations

import numpy as np

from vosmem.grid import Grid
from vosmem.refine.backprojection import back_project
from vosmem.refine.lattice import Lattice, positions


def refine(cells: np.ndarray, grid: Grid, frame: np.ndarray, sdims: float, schan: float, rounds: int) -> np.ndarray:
    """The map of ``cells`` (h, w) on ``grid`` with edges where ``frame`` (H, W, 3) uint8 has them.

    ``sdims``: deviation in pixels; ``schan``: in grey values (0..255); ``rounds``: of back-projection. Returns (H, W)
    float32 in 0..1.
    """
    size = frame.shape[:2]
    lattice = Lattice(positions(frame, sdims, schan))
    total = lattice(np.ones(frame[..., 0].size, np.float32))
    return back_project(cells, grid, size, lambda values: (lattice(values.ravel()) / total).reshape(size), rounds)
