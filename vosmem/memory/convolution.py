"""The memory's convolutions, those with large kernels by products of spectra.

A 7x7 convolution takes 49 multiplications an output and channel. Here maps are cut into overlapping tiles of N x N
cells, of which each gives m x m outputs, m = N - k + 1. Along one axis, with F the Fourier transform of N values,

    y = F^-1 [conj(F w) . F x]

is the correlation of a tile with the kernel, exact where it does not wrap around: in its first m values. All values are
real, so F has two real and N/2 - 1 complex coefficients to be multiplied, each of the latter by three real products,
(a + ib)(c + id) = (ac - bd) + i((a + b)(c + d) - ac - bd). What comes before and after the products is linear:

    y = A [(G w) . (B x)],   B (P, N), G (P, k), A (m, P),   P = 2 + 3 (N/2 - 1)

which along both axes in turn leaves P^2 / m^2 multiplications, 5.3 of the 49 for k = 7 and N = 16. Sums over channels
are matrix products, one for each of the P^2. (Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR
2016; their points on the real line lose digits at this size, those on the unit circle lose none.)
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

TILE = 16  # N; of 12 to 24 it is the fastest at 7x7 on 60x107 cells
# From this side on, and where k^2 h w is at least so much, it is faster: 1.3x there, 2 to 3x at 7x7 on 60x107 cells.
LARGE = 5, 60_000


class Convolution(nn.Conv2d):
    """``nn.Conv2d`` of ``inputs`` to ``outputs`` channels that keeps the maps' size; ``kernel``: its side, odd.

    Large kernels on large maps go by :func:`correlate` on a CPU, except under autocast, since spectra need float32.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, bias: bool = True):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> (N, O, h, w)."""
        k, (height, width) = self.kernel_size[0], x.shape[-2:]
        exact = x.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
        if not exact or k < LARGE[0] or k**2 * height * width < LARGE[1]:
            return super().forward(x)
        maps = correlate(x, self.weight)
        return maps if self.bias is None else maps + self.bias[:, None, None]


def correlate(x: Tensor, weight: Tensor) -> Tensor:
    """What ``conv2d`` gives with zero padding: (N, C, h, w) and (O, C, k, k) -> (N, O, h, w).

    k is odd and below :data:`TILE`, else ValueError. float32 or float64, in which the result is as close to the true
    sums as that of ``conv2d``.
    """
    k = weight.shape[-1]
    if weight.shape[-2] != k or k % 2 == 0 or k >= TILE:
        raise ValueError(f"kernel: got {tuple(weight.shape[-2:])}; must be square, its side odd and below {TILE}")
    before, of_kernel, after = (torch.from_numpy(m).to(weight.dtype) for m in _matrices(k))  # B, G, A
    spectrum = _twice(of_kernel, weight.permute(2, 3, 1, 0))  # (P, P, C, O)
    # by itself, so that what a map is cut into still lies in the processor's cache at the next stage
    return torch.cat([_correlate(one, spectrum, before, after, k) for one in x.split(1)])


def _correlate(x: Tensor, spectrum: Tensor, before: Tensor, after: Tensor, k: int) -> Tensor:
    """One map (1, C, h, w) and a kernel's spectrum (P, P, C, O) -> (1, O, h, w)."""
    (p, _, channels, outputs), (height, width) = spectrum.shape, x.shape[-2:]
    m = TILE - k + 1
    down, across = -(-height // m), -(-width // m)  # tiles
    edge = k // 2
    right, bottom = across * m - width + edge, down * m - height + edge
    padded = F.pad(x[0].permute(1, 2, 0), (0, 0, edge, right, edge, bottom))  # (down m + k - 1, across m + k - 1, C)
    tiles = padded.unfold(0, TILE, m).unfold(1, TILE, m).permute(3, 4, 0, 1, 2)  # (N, N, down, across, C)
    products = torch.bmm(
        _twice(before, tiles).reshape(p * p, down * across, channels), spectrum.view(p * p, channels, outputs)
    )
    maps = _twice(after, products.view(p, p, down, across, outputs))  # (m, m, down, across, O)
    maps = maps.permute(4, 2, 0, 3, 1).reshape(1, outputs, down * m, across * m)
    return maps[..., :height, :width]


def _twice(matrix: Tensor, x: Tensor) -> Tensor:
    """``matrix`` (a, b) along the first axis and along the second: (b, b, ...) -> (a, a, ...)."""
    (a, b), rest = matrix.shape, x.shape[2:]
    along_first = (matrix @ x.reshape(b, -1)).view(a, b, -1)
    return torch.matmul(matrix, along_first).view(a, a, *rest)


@lru_cache
def _matrices(k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """B, G and A for kernels of side ``k``, float64."""
    at, m = np.arange(TILE), TILE - k + 1
    real = np.exp(-2j * np.pi * np.outer([0, TILE // 2], at) / TILE).real  # (2, N): rows of F
    rest = np.exp(-2j * np.pi * np.outer(at[1 : TILE // 2], at) / TILE)  # (N/2 - 1, N)

    def products(real: np.ndarray, rest: np.ndarray) -> np.ndarray:
        return np.concatenate([real, rest.real, rest.imag, rest.real + rest.imag])

    # of Y = p - q + i (r - p - q), y is the sum of Re(Y exp(2 pi i f t / N)), twice where a coefficient stands for two
    cos, sin = rest.real[:, :m], -rest.imag[:, :m]
    back = np.concatenate([real[:, :m], 2 * (cos + sin), 2 * (sin - cos), -2 * sin]) / TILE
    return products(real, rest), products(real[:, :k], rest[:, :k].conj()), back.T.copy()
