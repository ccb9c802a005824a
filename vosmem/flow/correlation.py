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


class Pyramid:
    """The correlation of each pixel with the other frame at ``LEVELS`` resolutions, ready for looking up.

    Made for pairs of feature maps, (N, C, h, w) each: at most ``n`` pairs at a time, of ``size`` (h, w). Each level has
    a border of zeros as wide as a window, so that windows that reach out of the frame, or lie outside it, read zeros.
    The room for all that, hundreds of megabytes, is made once, and filled again by each :meth:`correlate`: to have it
    of the system anew for each pair of frames takes longer than the products.
    """

    BORDER = SIDE + 1

    def __init__(self, n: int, size: tuple[int, int], device: torch.device | None = None, dtype=torch.float32):
        self.n, self.size, self.levels = n, size, []  # (n * h * w, h_i + 2 b, w_i + 2 b) each
        height, width = size
        for _ in range(LEVELS):
            shape = (n * size[0] * size[1], height + 2 * self.BORDER, width + 2 * self.BORDER)
            self.levels.append(torch.zeros(shape, device=device, dtype=dtype))
            height, width = max(1, height // 2), max(1, width // 2)

    def correlate(self, first: Tensor, second: Tensor, both: bool = False) -> None:
        """Have the levels hold the correlation of ``first`` with ``second`` and, if ``both``, behind it the reverse.

        The mean over cells of products is the product with the mean, so every level is a product with pooled features:
        to pool products takes longer, and so does turning those of one direction into those of the other.
        """
        dtype = self.levels[0].dtype
        first, second = first.to(dtype).contiguous(), second.to(dtype).contiguous()
        n, c, h, w = first.shape
        scaled = [(x / c**0.5).flatten(2).transpose(1, 2) for x in ((first, second) if both else (first,))]
        pooled = [second, first][: len(scaled)]
        for i, level in enumerate(self.levels):
            if i:
                # what is left of a side of odd length belongs to no cell; a side of one pixel stays one
                pooled = [F.avg_pool2d(x, (min(2, x.shape[2]), min(2, x.shape[3]))) for x in pooled]
            b, (height, width) = self.BORDER, pooled[0].shape[2:]
            inner = level[:, b : b + height, b : b + width].view(self.n, h * w, height, width)
            for k, (own, other) in enumerate(zip(scaled, pooled, strict=True)):
                inner[k * n : (k + 1) * n] = (own @ other.flatten(2)).view(n, h * w, height, width)

    def look_up(self, position: Tensor) -> Tensor:
        """Correlation around ``position`` (N, 2, h, w), x and y in the other frame -> (N, CHANNELS, h, w).

        Channels: by level, then the window's columns, then its rows, which is the order that RAFT's weights know.
        Values between cells are bilinear. All cells of a window lie equally far between cells of the level, so
        (SIDE + 1)^2 cells are read and blended twice, rather than four for each of SIDE^2.
        """
        n, _, h, w = position.shape  # of fewer pairs than there is room for, the first
        position = position.permute(0, 2, 3, 1).reshape(-1, 2)  # (N * h * w, 2)
        found = []
        for i, level in enumerate(self.levels):
            found.append(self._window(level[: len(position)], position / 2**i))  # (N * h * w, SIDE, SIDE)
        return torch.stack(found, 1).view(n, h, w, CHANNELS).permute(0, 3, 1, 2)

    def _window(self, level: Tensor, position: Tensor) -> Tensor:
        """(M, H, W), (M, 2) -> (M, SIDE columns, SIDE rows)."""
        m, height, width = level.shape
        corner = position.floor()
        fraction = position - corner  # (M, 2)
        # a window that lies outside reads the border wherever there; keep it inside the array
        limit = torch.tensor([width, height], device=level.device) - (SIDE + 1)
        start = (corner.long() + self.BORDER - RADIUS).clamp(min=0).minimum(limit)  # (M, 2)
        count = torch.arange(m, device=level.device)
        first = (count * height + start[:, 1]) * width + start[:, 0]  # (M), where a window begins in the level's memory
        rows = first[:, None] + width * torch.arange(SIDE + 1, device=level.device)
        runs = level.as_strided((level.numel() - SIDE, SIDE + 1), (1, 1))  # all runs of a window's width
        cells = runs.index_select(0, rows.flatten()).view(m, SIDE + 1, SIDE + 1)
        x, y = fraction[:, 0, None, None], fraction[:, 1, None, None]
        cells = torch.lerp(cells[:, :-1], cells[:, 1:], y)  # (M, SIDE, SIDE + 1)
        cells = torch.lerp(cells[:, :, :-1], cells[:, :, 1:], x)  # (M, SIDE rows, SIDE columns)
        return cells.transpose(1, 2)
