"""Synthetic training data for MP-Net: exact flow of random scenes, spoilt as an estimator would, and its labels."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from vosmem.motion.camera import diagonal
from vosmem.motion.encoding import ONE_PIXEL
from vosmem.motion.scene import Draw, random_scene

BLURS = (0.0, 0.7, 1.6, 3.5, 8.0)  # deviations in pixels of a 212-wide field, the levels of smoothing


def batch(
    n: int, height: int, width: int, seed: int, *, exact: bool = False, device: str | torch.device = "cpu"
) -> tuple[Tensor, Tensor]:
    """N synthetic fields and where they move independently of the camera.

    Returns (flow, label): flow (N, 2, H, W) float32 in pixels; label (N, 1, H, W) float32, 0 or 1. `exact` leaves the
    estimator's errors out. The same seed gives the same batch.
    """
    scene = random_scene(n, height, width, seed)
    flow = scene.flow()
    if not exact:
        flow = spoil(flow, seed)
    return flow.to(device), scene.label().to(device)


def blur(x: Tensor, sigma: float) -> Tensor:
    """Gaussian smoothing with replicated borders: (N, C, H, W) -> (N, C, H, W)."""
    if sigma < 0.2:
        return x
    if sigma > 3 and min(x.shape[2:]) >= 32:  # wide ones on a quarter of the rows and columns: the same, much faster
        return F.interpolate(
            blur(F.avg_pool2d(x, 4), sigma / 4), size=x.shape[2:], mode="bilinear", align_corners=False
        )
    reach = math.ceil(2.5 * sigma)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / sigma) ** 2)
    kernel = kernel / kernel.sum()
    flat = x.flatten(0, 1)[:, None]  # (NC, 1, H, W)
    flat = F.conv2d(F.pad(flat, (reach, reach, 0, 0), mode="replicate"), kernel[None, None, None, :])
    flat = F.conv2d(F.pad(flat, (0, 0, reach, reach), mode="replicate"), kernel[None, None, :, None])
    return flat.reshape(x.shape)


def swell(flow: Tensor, by: Tensor) -> Tensor:
    """Let what moves unlike the rest grow by up to two steps, as the patches of an estimator do at an object's edge.

    flow: (N, 2, H, W); by: (N, 1, 1, 1), 0, 1 or 2 steps of one pixel of a 212-wide field.
    """
    reach = max(1, round(flow.shape[3] / 212))
    for step in (1, 2):
        middle = flow[:, :, ::4, ::4].flatten(2).median(dim=2).values[:, :, None, None]  # (N, 2, 1, 1)
        unlike = (flow - middle).square().sum(1, keepdim=True)  # (N, 1, H, W)
        _, index = F.max_pool2d(unlike, 2 * reach + 1, stride=1, padding=reach, return_indices=True)
        grown = flow.flatten(2).gather(2, index.flatten(2).expand(-1, 2, -1)).reshape(flow.shape)
        flow = torch.where(by >= step, grown, flow)
    return flow


def spoil(flow: Tensor, seed: int) -> Tensor:
    """Make an exact flow look estimated: (N, 2, H, W) pixels -> (N, 2, H, W).

    Modelled on what dense inverse search returns for real video: edges displaced and washed out, by amounts that vary
    over the frame; textureless zones filled from afar, drawn to zero or adrift (sky, water); wrong borders; lumps of
    gross error; slow errors in proportion to the motion.
    """
    n, _, height, width = flow.shape
    draw = Draw(n, seed + 0x5EED)
    pixel = ONE_PIXEL * diagonal(height, width)  # one pixel of a frame of 480x854, in pixels of this field
    unit = width / 212

    flow = swell(flow, draw.count([0.4, 0.35, 0.25])[:, None, None, None])

    # Edges lie a little off, as wide as a patch.
    offset = (
        (draw.smooth(2, height, width, 16) + 0.7 * draw.smooth(2, height, width, 40))
        * draw.log_uniform(0.2, 2.2, 1, 1, 1)
        * unit
    )
    x = torch.arange(width) + offset[:, 0]  # (N, H, W)
    y = torch.arange(height)[:, None] + offset[:, 1]
    where = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)  # (N, H, W, 2)
    flow = F.grid_sample(flow, where, mode="bilinear", padding_mode="border", align_corners=True)

    # Smoothed to a depth that varies over the frame; textureless zones to the last level.
    level = draw.uniform(0.3, 2.3, 1, 1, 1) + 0.8 * draw.smooth(1, height, width, 8)  # (N, 1, H, W)
    zone = torch.sigmoid((draw.smooth(1, height, width, 7) - draw.uniform(0.5, 1.6, 1, 1, 1)) * 8) * draw.chance(
        0.6, 1, 1, 1
    )
    level = torch.maximum(level, zone * 4).clamp(0, len(BLURS) - 1)
    smoothed = sum(blur(flow, sigma * unit) * (1 - (level - i).abs()).clamp_min(0) for i, sigma in enumerate(BLURS))
    flow = smoothed * (1 - zone * draw.uniform(-0.3, 1, 1, 1, 1).clamp_min(0))

    speed = flow.square().sum(1, keepdim=True).sqrt()  # (N, 1, H, W)
    typical = speed.mean(dim=(2, 3), keepdim=True)  # (N, 1, 1, 1)

    # Sky or water above or below a line: nothing to hold on to, the flow drifts in lumps.
    height_of = torch.linspace(-1, 1, height)[:, None] * draw.normal(1, 1, 1).sign()  # (N, 1, H, 1)
    drift = torch.sigmoid((draw.uniform(-0.9, 0.1, 1, 1, 1) - height_of + 0.2 * draw.smooth(1, height, width, 5)) * 12)
    drift = drift * (draw.smooth(1, height, width, 9) > draw.uniform(-1.5, 0.8, 1, 1, 1)) * draw.chance(0.25, 1, 1, 1)
    drift = blur(drift, 1.2 * unit)
    lost = flow * draw.uniform(0, 1, 1, 1, 1) + draw.smooth(2, height, width, 18) * (
        draw.log_uniform(0.2, 4, 1, 1, 1) * pixel + 0.3 * typical
    )
    flow = torch.lerp(flow, lost, drift)

    # Lumps of gross error, few or many, small or large.
    for cells in (12, 34):
        lump = (draw.smooth(1, height, width, cells) > draw.uniform(1.2, 2.6, 1, 1, 1)).float() * draw.chance(
            0.6, 1, 1, 1
        )
        wrong = draw.smooth(2, height, width, cells) * (typical + 2 * pixel) * draw.log_uniform(0.3, 5, 1, 1, 1)
        flow = flow + blur(lump, 0.8 * unit) * wrong

    # Borders: what leaves the frame has no match.
    edge_x, edge_y = (torch.minimum(torch.arange(k), torch.arange(k - 1, -1, -1)) for k in (width, height))
    edge = torch.minimum(edge_x[None, :], edge_y[:, None])[None, None]  # (1, 1, H, W): pixels to the next border
    reach = draw.uniform(0, 1, 1, 1, 1) * typical + 2 * unit
    edge = (
        torch.sigmoid((reach - edge) / unit)
        * torch.sigmoid(draw.smooth(1, height, width, 9) * 5)
        * draw.chance(0.6, 1, 1, 1)
    )
    flow = flow * (1 - 0.8 * edge) + edge * draw.smooth(2, height, width, 14) * typical * 0.6

    # Slow errors, relative and absolute, and a little grain.
    relative, absolute = draw.log_uniform(0.004, 0.09, 1, 1, 1), draw.log_uniform(0.03, 0.6, 1, 1, 1) * pixel
    slow = draw.smooth(2, height, width, 6) + draw.smooth(2, height, width, 20)
    return flow + slow * (relative * speed + absolute) + draw.normal(2, height, width) * 0.1 * absolute
