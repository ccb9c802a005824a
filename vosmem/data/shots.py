"""Where a video's shots begin: a cut is a change that neither motion explains nor the frames around it are used to.

Frames are compared as thumbnails. Two things must change at once: how much there is of each colour, which the camera's
motion hardly touches; and, after the motion between the two frames was undone, what is seen where, by more than usual
nearby, since fast motion is a change that lasts. Another light is not a cut: without brightness and contrast the frames
are alike. Nor is a flash, or a damaged frame: soon after it a frame is again like the one before. Slow transitions are
not found.

The limits were set on DAVIS-2016's training sequences, see benchmarks/shots.py.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from vosmem.video import resize, to_grey

SIDE = 96  # the longer side of a thumbnail, in pixels
LEAST_SIDE = 32  # OpenCV's DIS reads beyond smaller images
BINS = (8, 4, 8)  # of hue, saturation and value
COLOURS = 0.2  # the share of the pixels whose colour is another, beyond which colours have changed
UNEXPLAINED = 0.35  # the mean difference after motion, relative to the contrast, beyond which the scene has changed
UNLIT = 0.2  # the same after light was undone too
ABOVE_USUAL = 3.0  # how many times the median of what the frames around differ by
AROUND = 8  # frames before and after
FLASH = 3  # frames that a flash may last
NOISE = 4.0  # grey levels added to the contrast, so that dark frames are not all noise


class Thumbnail:
    """What is compared of a frame (H, W, 3) uint8 BGR."""

    def __init__(self, frame: np.ndarray):
        scale = SIDE / max(frame.shape[:2])
        size = tuple(max(LEAST_SIDE, round(n * scale)) for n in frame.shape[:2])
        self.image = resize(frame, size)  # (h, w, 3)
        self.grey = to_grey(self.image)  # (h, w)
        self.contrast = float(self.grey.std()) + NOISE
        hsv = cv2.cvtColor(self.image, cv2.COLOR_BGR2HSV)
        counts = cv2.calcHist([hsv], [0, 1, 2], None, BINS, [0, 180, 0, 256, 0, 256])
        self.colours = counts / counts.sum()


@dataclass(frozen=True)
class Change:
    """How unlike two frames are: ``colours``, the share of the pixels that have another colour, wherever they are;
    ``unexplained``, what motion leaves of the difference, relative to the frames' contrast; ``unlit``, the same with
    brightness and contrast undone."""

    colours: float
    unexplained: float
    unlit: float

    @property
    def large(self) -> bool:
        """Whether it may be a cut."""
        return self.colours > COLOURS and self.unexplained > UNEXPLAINED and self.unlit > UNLIT


class Detector:
    """Takes a video's frames one by one; what it keeps of each is three numbers."""

    def __init__(self) -> None:
        self._last: deque[Thumbnail] = deque(maxlen=1 + FLASH)
        self.changes: list[Change] = []  # of each frame against the one before; none for the first
        self._flashes: set[int] = set()  # frames that begin or end what soon is as before
        self._flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        self._flow.setFinestScale(0)  # thumbnails are small enough

    def add(self, frame: np.ndarray) -> None:
        """The next frame, (H, W, 3) uint8 BGR, of the same size as the others."""
        now, t = Thumbnail(frame), len(self.changes)
        self.changes.append(self.change(self._last[-1], now) if self._last else Change(0, 0, 0))
        for back in range(2, len(self._last) + 1):  # is all as it was before something changed?
            begin = t - back + 1
            if self.changes[begin].large and not self.change(self._last[-back], now).large:
                self._flashes.update(s for s in range(begin, t + 1) if self.changes[s].large)
        self._last.append(now)

    def starts(self) -> list[int]:
        """The first frame of each shot, 0 first; [] without frames."""
        cuts = [t for t in range(1, len(self.changes)) if self._is_cut(t)]
        return [0, *cuts] if self.changes else []

    def change(self, first: Thumbnail, second: Thumbnail) -> Change:
        """How unlike two thumbnails of one size are."""
        flow = self._flow.calc(second.grey, first.grey, None)  # (h, w, 2): where each pixel of the second was
        y, x = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
        y, x = y + flow[..., 1], x + flow[..., 0]
        moved = cv2.remap(first.image, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)  # (h, w, 3)
        grey = cv2.remap(first.grey, x, y, cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)  # (h, w)
        difference = np.abs(moved.astype(np.float32) - second.image).mean()
        return Change(
            float(np.abs(first.colours - second.colours).sum() / 2),
            float(difference / min(first.contrast, second.contrast)),
            float(np.abs(_unlit(grey) - _unlit(second.grey)).mean()),
        )

    def _is_cut(self, t: int) -> bool:
        if not self.changes[t].large or t in self._flashes:
            return False
        around = self.changes[max(1, t - AROUND) : t] + self.changes[t + 1 : t + 1 + AROUND]
        usual = float(np.median([change.unexplained for change in around])) if around else 0.0
        return self.changes[t].unexplained > ABOVE_USUAL * usual


def _unlit(grey: np.ndarray) -> np.ndarray:
    """A grey image (h, w) uint8 at mean 0 and deviation 1, or less where it is hardly more than noise."""
    return (grey.astype(np.float32) - grey.mean()) / (grey.std() + NOISE)
