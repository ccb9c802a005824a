"""DIS: dense inverse search (Kroeger et al., *Fast Optical Flow using Dense Inverse Search*, ECCV 2016), by OpenCV."""

from __future__ import annotations

import cv2
import numpy as np

from vosmem.video import to_grey

PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


class DIS:
    """Flow by dense inverse search. ``preset``: a name of :data:`PRESETS`."""

    def __init__(self, preset: str = "medium"):
        self._method = cv2.DISOpticalFlow_create(PRESETS[preset])

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Flow between two (H, W, 3) uint8 BGR frames: (2, H, W) float32, u right, v down, in pixels."""
        flow = self._method.calc(to_grey(first), to_grey(second), None)  # (H, W, 2)
        return np.moveaxis(flow, -1, 0)  # (2, H, W)
