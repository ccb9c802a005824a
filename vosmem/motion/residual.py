"""What the camera does not explain, as maps that a network can learn from: direction, length, and trust of the flow.

Beyond the paper. MP-Net turns flow into one probability; this keeps what it is made from, for both directions of time.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vosmem.motion.camera import diagonal, fit_camera
from vosmem.motion.encoding import ONE_PIXEL

STRIDE = 4  # of the grid that the maps are stored on, in pixels of the working frame
PER_DIRECTION = 4
ODD = (0,)  # of each direction's channels: the horizontal component, whose sign turns in a mirror


def describe(flow: Tensor, back: Tensor) -> Tensor:
    """Maps of one direction of time: (N, 2, H, W) pixels, and the flow back from there -> (N, 4, H, W).

    With r the flow minus a robust camera fit, and c five times the median of |r| or one pixel of a 480x854 frame,
    whichever is more: r / (|r| + c), two channels in (-1, 1); |r| / (|r| + 4 px) in [0, 1), which unlike these does
    not depend on how well the fit does; and e / (e + 1 px) in [0, 1), with e the distance at which following the
    flow and then the flow back ends from where it began: large where things are hidden or the flow is wrong.
    """
    _, _, height, width = flow.shape
    pixel = ONE_PIXEL * diagonal(height, width)
    camera, scale = fit_camera(flow)  # (N, 2, H, W), (N, 1, 1, 1)
    residual = flow - camera
    length = residual.norm(dim=1, keepdim=True)  # (N, 1, H, W)
    direction = residual / (length + torch.clamp_min(5 * scale, pixel))
    astray = (flow + follow(back, flow)).norm(dim=1, keepdim=True)  # (N, 1, H, W)
    return torch.cat([direction, length / (length + 4 * pixel), astray / (astray + pixel)], dim=1)


def follow(field: Tensor, flow: Tensor) -> Tensor:
    """``field`` (N, C, H, W) where ``flow`` (N, 2, H, W) leads to, bilinear, the edge's value beyond it."""
    _, _, height, width = flow.shape
    x = torch.arange(width, dtype=flow.dtype, device=flow.device) + flow[:, 0]  # (N, H, W)
    y = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None] + flow[:, 1]  # (N, H, W)
    at = torch.stack([2 * x / max(width - 1, 1) - 1, 2 * y / max(height - 1, 1) - 1], dim=-1)  # (N, H, W, 2)
    return F.grid_sample(field, at, padding_mode="border", align_corners=True)
