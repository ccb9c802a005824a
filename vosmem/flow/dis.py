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
    """Flow by dense inverse search, an estimator of stage flow. ``preset``: a name of :data:`PRESETS`."""

    scale = 1.0

    def __init__(self, preset: str = "medium"):
        self.parameters = {"preset": preset}
        self._method = cv2.DISOpticalFlow_create(PRESETS[preset])

    def prepare(self, frame: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 BGR -> (H, W) uint8, all that the method looks at."""
        return to_grey(frame)

    def __call__(self, first: np.ndarray, second: np.ndarray, both: bool = False) -> np.ndarray:
        """Flow between two (H, W) uint8 frames: (2 or 1, 2, H, W) float32, u right, v down, in pixels."""
        pairs = [(first, second), (second, first)][: 1 + both]
        return np.stack([np.moveaxis(self._method.calc(a, b, None), -1, 0) for a, b in pairs])
