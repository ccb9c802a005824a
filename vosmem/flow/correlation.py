"""How alike every pixel of one frame is to every pixel of the other, and looking that up around a guess.

RAFT, section 3.2: all inner products of two feature maps, averaged over 1, 2, 4 and 8 pixels of the second frame; an
estimate of the flow asks for the values in a window around where it leads.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

LEVELS = 4
RADIUS = 4  # a window has 2 RADIUS + 1 cells a side
SIDE = 2 * RADIUS + 1
CHANNELS = LEVELS * SIDE * SIDE


def both_ways(first: Tensor, second: Tensor) -> Tensor:
    """Feature maps (N, C, h, w) of two frames -> correlation (2, N, h * w, h, w) float32, first to second and back.

    One product serves both directions: the second is the transpose of the first.
    """
    n, c, h, w = first.shape
    product = first.float().flatten(2).transpose(1, 2) @ second.float().flatten(2)  # (N, h * w, h * w)
    product = product / c**0.5
    return torch.stack([product, product.transpose(1, 2)]).view(2, n, h * w, h, w)


class Pyramid:
    """The correlation of each pixel with the other frame at ``LEVELS`` resolutions, ready for looking up.

    ``correlation``: (N, h * w, h, w) float32. Each level is kept with a border of zeros as wide as a window, so that
    windows that reach out of the frame, or lie outside it, read zeros.
    """

    BORDER = SIDE + 1

    def __init__(self, correlation: Tensor):
        n, pixels, h, w = correlation.shape
        level = correlation.reshape(n * pixels, 1, h, w)
        self.levels: list[Tensor] = []
        for i in range(LEVELS):
            if i:
                # what is left of a side of odd length belongs to no cell; a side of one pixel stays one
                level = F.avg_pool2d(level, (min(2, level.shape[2]), min(2, level.shape[3])))
            self.levels.append(F.pad(level[:, 0], (self.BORDER,) * 4))  # (N * h * w, h_i + 2 b, w_i + 2 b)

    def look_up(self, position: Tensor) -> Tensor:
        """Correlation around ``position`` (N, 2, h, w), x and y in the other frame -> (N, CHANNELS, h, w).

        Channels: by level, then the window's columns, then its rows, which is the order that RAFT's weights know.
        Values between cells are bilinear. All cells of a window lie equally far between cells of the level, so
        (SIDE + 1)^2 cells are read and blended twice, rather than four for each of SIDE^2.
        """
        n, _, h, w = position.shape
        position = position.permute(0, 2, 3, 1).reshape(-1, 2)  # (N * h * w, 2)
        found = []
        for i, level in enumerate(self.levels):
            found.append(self._window(level, position / 2**i))  # (N * h * w, SIDE, SIDE)
        return torch.stack(found, 1).view(n, h, w, CHANNELS).permute(0, 3, 1, 2)

    def _window(self, level: Tensor, position: Tensor) -> Tensor:
        """(M, H, W), (M, 2) -> (M, SIDE columns, SIDE rows)."""
        m, height, width = level.shape
        corner = position.floor()
        fraction = position - corner  # (M, 2)
        # a window that lies outside reads the border wherever there; keep it inside the array
        limit = torch.tensor([width, height], device=level.device) - (SIDE + 1)
        start = (corner.long() + self.BORDER - RADIUS).clamp(min=0).minimum(limit)  # (M, 2)
        steps = torch.arange(SIDE + 1, device=level.device)
        offsets = (steps * width)[:, None] + steps  # (SIDE + 1, SIDE + 1), rows then columns
        index = (start[:, 1] * width + start[:, 0])[:, None] + offsets.view(1, -1)  # (M, (SIDE + 1)^2)
        cells = level.reshape(m, -1).gather(1, index).view(m, SIDE + 1, SIDE + 1)
        x, y = fraction[:, 0, None, None], fraction[:, 1, None, None]
        cells = torch.lerp(cells[:, :-1], cells[:, 1:], y)  # (M, SIDE, SIDE + 1)
        cells = torch.lerp(cells[:, :, :-1], cells[:, :, 1:], x)  # (M, SIDE rows, SIDE columns)
        return cells.transpose(1, 2)
