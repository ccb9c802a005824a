"""The nested network, written down without loops over its parts' classes: an independent reference."""

import pytest
import torch
import torch.nn.functional as F

from vosmem.grid import Grid, resample


def bilinear(x, like):
    """Enlarged by the project's own grids: both maps show the same frame, edge to edge."""
    frame = (960, 960)
    return resample(x, Grid.of_image(x.shape[-2:], frame), Grid.of_image(like.shape[-2:], frame))


def written_out(x, numbers, stem=False, fused=True):
    """The paper's figure 5 by hand: (1, 3, H, W) normalised -> every decoder stage, and the logits (d0,) d1 .. d6.

    ``numbers``: pairs of weight and bias, in the order of computation.
    """
    left = iter(numbers)

    def conv(x, dilation=1, stride=1):
        weight, bias = next(left)
        return F.conv2d(x, weight, bias, stride, dilation * (weight.shape[-1] // 2), dilation)

    def block(x, height):
        x = inward = conv(x).relu()
        if height == "4F":
            one = conv(x).relu()
            two = conv(one, 2).relu()
            three = conv(two, 4).relu()
            four = conv(three, 8).relu()
            x = conv(torch.cat([four, three], 1), 4).relu()
            x = conv(torch.cat([x, two], 1), 2).relu()
            return conv(torch.cat([x, one], 1)).relu() + inward
        levels = [conv(x).relu()]
        for _ in range(height - 2):
            levels.append(conv(F.max_pool2d(levels[-1], 2)).relu())
        x = conv(levels[-1], 2).relu()
        for level in reversed(levels):
            x = conv(torch.cat([bilinear(x, level), level], 1)).relu()
        return x + inward

    x, down = conv(x, stride=2) if stem else x, []
    for i, height in enumerate([7, 6, 5, 4, "4F", "4F"]):
        x = down[-1] if down else x
        down.append(block(F.max_pool2d(x, 2) if i else x, height))
    up = [down.pop()]
    for height in ["4F", 4, 5, 6, 7]:
        skip = down.pop()
        up.append(block(torch.cat([bilinear(up[-1], skip), skip], 1), height))
    sides = torch.cat([bilinear(conv(x), up[-1]) for x in reversed(up)], 1)
    return up, torch.cat([conv(sides), sides], 1) if fused else sides


def check_edge_to_edge(grid, frame):
    """Half a cell before the first centre is the first edge of a frame of (H, W), likewise the last."""
    for axis, n in zip((grid.y, grid.x), frame, strict=True):
        assert axis.centres()[0] - axis.stride / 2 == pytest.approx(-0.5)
        assert axis.centres()[-1] + axis.stride / 2 == pytest.approx(n - 0.5)
