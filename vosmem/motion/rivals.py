"""What MP-Net has to beat: two estimators of independent motion that learn nothing.

Both map a length of motion r to r / (r + c), which keeps the order of the values, lies in [0, 1) and is 0.5 at r = c.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from vosmem.motion.camera import diagonal, fit_camera
from vosmem.motion.encoding import ONE_PIXEL


def flow_magnitude(flow: Tensor) -> Tensor:
    """How far each point moves against the median vector: (N, 2, H, W) pixels -> (N, 1, H // 2, W // 2) in [0, 1).

    0.5 at two pixels of a frame of 480x854. Right where the camera pans, wrong where it turns, zooms or travels.
    """
    _, _, height, width = flow.shape
    middle = flow.flatten(2).median(dim=2).values[:, :, None, None]  # (N, 2, 1, 1)
    length = (flow - middle).square().sum(1, keepdim=True).sqrt()  # (N, 1, H, W)
    return F.avg_pool2d(length / (length + 2 * ONE_PIXEL * diagonal(height, width)), 2)


def camera_residual(flow: Tensor) -> Tensor:
    """What a robust fit of the camera's motion leaves over: (N, 2, H, W) pixels -> (N, 1, H // 2, W // 2) in [0, 1).

    0.5 where it is five times the median residual of that field, or a pixel of a frame of 480x854 where that is more:
    a field that the fit explains badly (parallax, water) has to show more.
    """
    _, _, height, width = flow.shape
    camera, scale = fit_camera(flow)  # (N, 2, H, W), (N, 1, 1, 1)
    length = (flow - camera).square().sum(1, keepdim=True).sqrt()  # (N, 1, H, W)
    half = torch.clamp_min(5 * scale, ONE_PIXEL * diagonal(height, width))
    return F.avg_pool2d(length / (length + half), 2)
