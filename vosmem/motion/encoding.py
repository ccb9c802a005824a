"""Flow fields as a network's input. All encodings are free of scale: the same scene at another resolution, with flow in
pixels of that resolution, gives the same values."""

import torch
from torch import Tensor

from vosmem.motion.camera import diagonal, fit_camera

# Lengths below are shares of the diagonal; at 480x854 it has 980 pixels.
ONE_PIXEL = 1 / (854**2 + 480**2) ** 0.5


def published(flow: Tensor) -> Tensor:
    """Angle and magnitude (LVO, section 3; the authors' own encoding).

    (N, 2, H, W) pixels -> (N, 2, H, W): acos(u / |flow|) in [0, pi], 0 where |flow| <= 1 pixel of an 854-wide frame;
    |flow| over a sixth of the diagonal. The angle is unsigned: up and down look alike; a mirrored flow has pi - angle.
    """
    _, _, height, width = flow.shape
    magnitude = flow.norm(dim=1, keepdim=True)  # (N, 1, H, W)
    still = magnitude <= width / 854
    cosine = flow[:, :1] / torch.where(still, torch.ones_like(magnitude), magnitude)
    angle = torch.where(still, torch.zeros_like(magnitude), torch.acos(cosine.clamp(-1, 1)))
    return torch.cat([angle, magnitude / (diagonal(height, width) / 6)], dim=1)


def uv(flow: Tensor) -> Tensor:
    """Signed components, compressed: (N, 2, H, W) pixels -> (N, 2, H, W), asinh of u and v over 2 pixels at 854x480.

    asinh is linear below its unit and logarithmic above: half a pixel and sixty can both be seen.
    """
    _, _, height, width = flow.shape
    return torch.asinh(flow / (2 * ONE_PIXEL * diagonal(height, width)))


def residual(flow: Tensor) -> Tensor:
    """Signed components, and beside them what a robust camera fit leaves over: (N, 2, H, W) pixels -> (N, 6, H, W).

    Channels: `uv`; asinh of the residual in units of half a pixel at 854x480 (absolute: is it more than an estimator's
    noise?); asinh of the residual in units of 3 times its median (relative: does it stand out here?).
    Needs the whole field, not a crop: encode first, crop then.
    """
    _, _, height, width = flow.shape
    camera, scale = fit_camera(flow)  # (N, 2, H, W), (N, 1, 1, 1)
    left = flow - camera
    absolute = torch.asinh(left / (0.5 * ONE_PIXEL * diagonal(height, width)))
    relative = torch.asinh(left / (3 * scale))
    return torch.cat([uv(flow), absolute, relative], dim=1)  # (N, 6, H, W)


ENCODINGS = {"published": published, "uv": uv, "residual": residual}
CHANNELS = {"published": 2, "uv": 2, "residual": 6}
