"""Tracks: how a number changes over the story, from 0 (first frame) to 1 (last); and the camera that runs on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vosmem.demo.camera import Camera

Track = Callable[[float], float]


def keyed(times: list[float], values: list[float]) -> Track:
    """A number that runs straight from key to key of the story; equal neighbours make it stand still."""
    return lambda moment: float(np.interp(moment, times, values))


def line(start: float, end: float) -> Track:
    """A number that runs straight from ``start`` to ``end``."""
    return keyed([0.0, 1.0], [start, end])


def handheld(
    x: Track = lambda moment: 0.0,
    y: float = 0.0,
    z: Track = lambda moment: 0.0,
    yaw: Track = lambda moment: 0.0,
    roll: Track = lambda moment: 0.0,
    zoom: Track = lambda moment: 1.0,
    pitch: float = 0.14,
    shake: float = 0.0012,
) -> Callable[[float, tuple[int, int]], Camera]:
    """A camera on tracks, held by hand: ``shake`` radians of tremor. At zoom 1 it sees 53 degrees across."""

    def camera(moment: float, size: tuple[int, int]) -> Camera:
        tremor = shake * np.sin(np.array([31.0, 47.0, 23.0]) * moment + (0.4, 1.9, 3.1))
        return Camera(
            (x(moment), y, z(moment)),
            yaw(moment) + float(tremor[0]),
            pitch + float(tremor[1]),
            roll(moment) + float(tremor[2]),
            size[1] * zoom(moment),
            size,
        )

    return camera
