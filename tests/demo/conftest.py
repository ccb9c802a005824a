"""Scenes are slow to build, so each is built once for all tests of the demo set."""

from __future__ import annotations

from functools import cache

import pytest

from vosmem.demo.raster import repeatably
from vosmem.demo.scene import Scene
from vosmem.demo.sequences import build_scene

SMALL = (120, 216)


@cache
def _scene(name: str) -> Scene:
    with repeatably():
        return build_scene(name, 0)


@pytest.fixture(scope="session")
def scene():
    """``scene(name)``: the scene of a sequence with seed 0."""
    return _scene
