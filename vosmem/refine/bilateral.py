"""Joint bilateral up-sampling: every pixel takes the mean of the pixels that are near to it and alike in colour.

Kopf, Cohen, Lischinski, Uyttendaele, *Joint Bilateral Upsampling*, SIGGRAPH 2007, with the frame's colours, both
weights Gaussian, by the permutohedral lattice.
"""

from __future__ import annotations

import numpy as np

from vosmem import video
from vosmem.grid import Grid
from vosmem.refine.backprojection import back_project
from vosmem.refine.lattice import Lattice, positions


def refine(
    cells: np.ndarray, grid: Grid, frame: np.ndarray, sdims: float, schan: float, subsample: int, rounds: int
) -> np.ndarray:
    """The map of ``cells`` (h, w) on ``grid`` with edges where ``frame`` (H, W, 3) uint8 has them.

    ``sdims``: deviation in pixels; ``schan``: in grey values (0..255); ``subsample``: by how much the frame is shrunk
    first; ``rounds``: of back-projection. Returns (H, W) float32 in 0..1.
    """
    size = frame.shape[:2]
    small = video.resize(frame, tuple(max(1, round(n / subsample)) for n in size))  # (H', W', 3)
    pixels = Grid.of_image(small.shape[:2], size)
    lattice = Lattice(positions(small, sdims / subsample, schan))
    total = lattice(np.ones(small[..., 0].size, np.float32))
    refined = back_project(cells, grid, pixels, lambda v: (lattice(v.ravel()) / total).reshape(v.shape), rounds)
    return video.resize(refined, size)
