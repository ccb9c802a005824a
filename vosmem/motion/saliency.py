"""Salient motion: a detector of salient objects looks at pictures of the flow instead of frames.

Beyond the paper. What stands out in a picture of the flow less the camera's is what moves by itself, and a network that
has learned from photographs what an object's outline and inside are like finds it there too, without having seen flow:
it fills in what moves little, and passes over what varies smoothly. It learns nothing here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vosmem import precision as precisions
from vosmem.motion.camera import diagonal, fit_camera
from vosmem.motion.encoding import ONE_PIXEL

AT_MOST = 0.99  # the share of a field's pixels that are coloured according to their length, the others as the longest


def picture(flow: Tensor) -> Tensor:
    """Flow (N, 2, H, W) in pixels -> its picture, (N, 3, H, W) RGB in 0..255.

    Hue tells the direction of what the camera's motion leaves over, saturation its length: white is still, full colour
    the 99th percentile of that field, but no less than two pixels of a frame of 480x854, so that noise stays pale.
    """
    _, _, height, width = flow.shape
    residual = flow - fit_camera(flow)[0]
    length = residual.norm(dim=1)  # (N, H, W)
    longest = torch.stack([field.quantile(AT_MOST) for field in length])  # (N); quantile takes 2^24 values at most
    saturation = (length / longest.clamp_min(2 * ONE_PIXEL * diagonal(height, width))[:, None, None]).clamp(max=1)
    sixths = 3 + 3 / torch.pi * torch.atan2(residual[:, 1], residual[:, 0])  # (N, H, W), 0..6 round the circle
    towards = torch.tensor([0, 4, 2], dtype=flow.dtype, device=flow.device).view(3, 1, 1)  # where red, green, blue lack
    hue = ((sixths[:, None] + towards) % 6 - 3).abs().sub(1).clamp(0, 1)  # (N, 3, H, W), of full colour
    return 255 * (1 - saturation[:, None] * (1 - hue))


def sides(network: nn.Module, forward: Tensor, backward: Tensor, precision: str) -> Tensor:
    """The network's side outputs for the pictures of both directions: (N, 2, H, W) twice -> (N, 14, h, w) logits.

    ``network``: U2-Net or U2-Net-p, giving ``sides``; h and w are half of its input's, which covers the field edge to
    edge.
    """
    pictures = picture(torch.cat([forward, backward]))  # (2 N, 3, H, W)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    with precisions.multiplying(precision, pictures.device):
        maps = network(pictures)["sides"].float()  # (2 N, 7, h, w)
    return torch.cat(maps.chunk(2), dim=1)
