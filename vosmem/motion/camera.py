"""A robust fit of what a moving camera does to the flow, and what it leaves over.

The flow of a rotating, zooming camera, and of any camera before a plane, is quadratic in the image coordinates; so
u and v are each fitted by six terms (1, x, y, x^2, xy, y^2), twelve parameters in all, which leave over parallax and
whatever moves by itself. (The eight-parameter planar model of Longuet-Higgins, "The visual ambiguity of a
moving plane", 1984, is a special case.)
"""

import torch
from torch import Tensor


def diagonal(height: int, width: int) -> float:
    """Length of the diagonal of a field, in its pixels: what makes a flow independent of the resolution."""
    return float(height**2 + width**2) ** 0.5


def quadratic_terms(height: int, width: int, like: Tensor) -> Tensor:
    """The six terms at each pixel, (6, H, W); x and y in [-1, 1] over half the diagonal, 0 at the centre."""
    half = diagonal(height, width) / 2
    y = (torch.arange(height, dtype=like.dtype, device=like.device) - (height - 1) / 2) / half  # (H,)
    x = (torch.arange(width, dtype=like.dtype, device=like.device) - (width - 1) / 2) / half  # (W,)
    y, x = y[:, None].expand(height, width), x[None, :].expand(height, width)  # (H, W) each
    return torch.stack([torch.ones_like(x), x, y, x * x, x * y, y * y])  # (6, H, W)


def fit_camera(flow: Tensor, *, iterations: int = 12, grid: int = 32, floor: float = 1e-4) -> tuple[Tensor, Tensor]:
    """Fit the camera's flow by iteratively re-weighted least squares.

    The weights are those of Geman and McClure, (1 + (r / s)^2)^-2, with s = 2.5 times the median residual of the fit
    before: points that move otherwise hardly count. The first residuals are those of the median vector.
    Runs on a sub-sampled grid of at most grid x grid points.

    flow: (N, 2, H, W) float, pixels of the field.
    floor: least s, as a share of the diagonal (1e-4: a tenth of a pixel at 480x854), so that an exact fit divides by
        something.
    Returns (camera, scale): camera (N, 2, H, W), the fitted flow in pixels; scale (N, 1, 1, 1), the median length of
    the residual in pixels, no less than floor * diagonal.
    """
    n, _, height, width = flow.shape
    terms = quadratic_terms(height, width, flow)  # (6, H, W)
    rows = torch.linspace(0, height - 1, min(grid, height), device=flow.device).round().long()
    columns = torch.linspace(0, width - 1, min(grid, width), device=flow.device).round().long()
    a = terms[:, rows][:, :, columns].flatten(1).T  # (P, 6)
    target = flow[:, :, rows][:, :, :, columns].flatten(2).transpose(1, 2)  # (N, P, 2)
    least = floor * diagonal(height, width)

    residual = target - target.median(dim=1, keepdim=True).values  # (N, P, 2)
    ridge = 1e-6 * torch.eye(6, dtype=flow.dtype, device=flow.device)
    solution = torch.zeros(n, 6, 2, dtype=flow.dtype, device=flow.device)
    for _ in range(iterations):
        length = residual.norm(dim=2)  # (N, P)
        s = 2.5 * length.median(dim=1, keepdim=True).values.clamp_min(least)  # (N, 1)
        weight = (1 + (length / s) ** 2) ** -2  # (N, P)
        weighted = weight[:, :, None] * a  # (N, P, 6)
        normal = weighted.transpose(1, 2) @ a  # (N, 6, 6)
        right = weighted.transpose(1, 2) @ target  # (N, 6, 2)
        solution = torch.linalg.solve(normal + ridge * weight.sum(1)[:, None, None], right)  # (N, 6, 2)
        residual = target - a @ solution  # (N, P, 2)
    scale = residual.norm(dim=2).median(dim=1).values.clamp_min(least)  # (N,)
    camera = torch.einsum("nkc,khw->nchw", solution, terms)  # (N, 2, H, W)
    return camera, scale[:, None, None, None]
