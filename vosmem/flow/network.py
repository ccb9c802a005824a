"""RAFT between frames: what stands between images as they are decoded and the network's tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vosmem import precision as precisions
from vosmem.flow import raft


def padding(size: tuple[int, int], multiple: int = raft.STRIDE) -> tuple[int, int, int, int]:
    """What to add at left, right, top and bottom of (h, w) so that both sides become multiples of ``multiple``."""
    down, right = (-n % multiple for n in size)
    return right // 2, right - right // 2, down // 2, down - down // 2


class Frames:
    """RAFT as an estimator of stage flow: the network of ``path``'s weights on frames ``scale`` the working size."""

    def __init__(self, path: Path, iterations: int, scale: float, precision: str, device: torch.device):
        precision = precisions.choose(precision, device)
        self.scale, self.device = scale, device
        self.parameters = {"scale": scale, "iterations": iterations, "precision": precision}
        self._network = raft.load(path, iterations, device, precisions.TYPES[precision])
        self._inside = (slice(None), slice(None))  # where the frame lies in its padded image

    def prepare(self, frame: np.ndarray) -> raft.Encoded:
        """Encode a frame (h, w, 3) uint8 BGR."""
        left, right, top, bottom = padding(frame.shape[:2])
        self._inside = slice(top, top + frame.shape[0]), slice(left, left + frame.shape[1])
        rgb = torch.from_numpy(np.ascontiguousarray(frame[..., ::-1])).to(self.device)  # (h, w, 3)
        image = rgb.permute(2, 0, 1)[None].float()  # (1, 3, h, w)
        with torch.inference_mode():
            return self._network.encode(F.pad(image, (left, right, top, bottom), mode="replicate"))

    def __call__(self, first: raft.Encoded, second: raft.Encoded, both: bool) -> np.ndarray:
        """Flow between two encoded frames, (2 or 1, 2, h, w) float32."""
        with torch.inference_mode():
            flow: Tensor = self._network(first, second, both)  # (2 or 1, 2, H, W)
        return flow[(..., *self._inside)].cpu().numpy()
