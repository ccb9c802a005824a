"""The frame itself, as small as the memory's grid: what appearance is worth without a network (LVO's ablation, RGB)."""

from __future__ import annotations

from torch import Tensor, nn

from vosmem.grid import Grid, resample

STRIDE = 8


class MeanColour(nn.Module):
    """The mean colour of each cell of 8 x 8 pixels. Has no weights."""

    layers = ("rgb",)

    def grid(self, _: str, frame: tuple[int, int]) -> Grid:
        """Where the cells lie in a frame of (H, W) pixels: cell i on pixel 8 i, as the memory's."""
        return Grid.of([-(-n // STRIDE) for n in frame], (STRIDE, STRIDE), (0, 0))

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """(N, 3, H, W) RGB in 0..255 -> ``rgb`` (N, 3, ceil(H/8), ceil(W/8)), 0..1."""
        frame = tuple(frames.shape[-2:])
        return {"rgb": resample(frames / 255, Grid.of_image(frame, frame), self.grid("rgb", frame), "area")}
