"""The fully connected CRF: every pixel is tied to every other by how near and how alike in colour they are.

Krähenbühl, Koltun, *Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials*, NIPS 2011; mean field
for two labels. Only the difference of their energies matters, so one filter run per kernel and iteration serves both.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from vosmem.grid import Grid, resample
from vosmem.refine.lattice import Lattice, positions

EPSILON = 1e-5  # the unary's probabilities are kept this far from 0 and 1: a pixel the model is sure of can still turn

Filter = Callable[[np.ndarray], np.ndarray]


def refine(
    cells: np.ndarray,
    grid: Grid,
    frame: np.ndarray,
    iterations: int,
    gaussian_sdims: float,
    gaussian_compat: float,
    bilateral_sdims: float,
    bilateral_schan: float,
    bilateral_compat: float,
) -> np.ndarray:
    """Mean field of the fully connected CRF over ``frame`` (H, W, 3) uint8, from ``cells`` (h, w) in 0..1 on ``grid``.

    ``gaussian_sdims``, ``bilateral_sdims``: standard deviations in pixels; ``bilateral_schan``: in grey values
    (0..255); the ``compat``: weights of the kernels, by which pixels of different labels are penalised. Returns (H, W)
    float32 in 0..1.
    """
    size = frame.shape[:2]
    kernels = []
    if gaussian_compat:
        kernels.append((gaussian_compat, normalised(gaussian(gaussian_sdims), size)))
    if bilateral_compat:
        kernels.append((bilateral_compat, normalised(bilateral(frame, bilateral_sdims, bilateral_schan), size)))
    probability = resample(cells.astype(np.float32), grid, Grid.of_image(size, size))  # (H, W)
    return mean_field(probability, kernels, iterations)


def mean_field(probability: np.ndarray, kernels: list[tuple[float, Filter]], iterations: int) -> np.ndarray:
    """Iterate q = sigmoid(unary + sum of compat * kernel(2 q - 1)): the labels' energies matter by their difference."""
    p = np.clip(probability, EPSILON, 1 - EPSILON)  # (H, W)
    unary = np.log(p) - np.log1p(-p)
    q = p
    for _ in range(iterations):
        energy = unary + sum(compat * kernel(2 * q - 1) for compat, kernel in kernels)
        q = 1 / (1 + np.exp(-energy))
    return q


def normalised(kernel: Filter, shape: tuple[int, int]) -> Filter:
    """The kernel between the square roots of its row sums, which keeps it symmetric."""
    scale = 1 / np.sqrt(kernel(np.ones(shape, np.float32)))
    return lambda values: scale * kernel(scale * values)


def gaussian(sdims: float) -> Filter:
    """Sums weighted by nearness alone, cut off at four deviations; beyond the edge there is nothing."""
    taps = cv2.getGaussianKernel(2 * int(np.ceil(4 * sdims)) + 1, sdims, cv2.CV_32F)
    return lambda values: cv2.sepFilter2D(values, cv2.CV_32F, taps, taps, borderType=cv2.BORDER_CONSTANT)


def bilateral(frame: np.ndarray, sdims: float, schan: float) -> Filter:
    """Sums weighted by nearness and likeness of colour, on the permutohedral lattice."""
    lattice = Lattice(positions(frame, sdims, schan))
    return lambda values: lattice(values.ravel()).reshape(values.shape)
