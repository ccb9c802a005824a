"""Stage ``refine``: from the probability on a coarse grid to a mask of the frame's own size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STAGE_VERSION = 4
TRAINED = "trained"
CORRECTIONS = ("shipped", TRAINED, "none")  # the words of `refine.zoom.correction`; all else is the path of a file


def steps_before(method: str, settings: Mapping[str, Any], along_flow: bool) -> dict[str, dict[str, float]]:
    """What comes before a method, and its settings: the vote, and, ``along_flow``, steadying along the flow.

    ``settings``: the config's section `refine`. A step whose weight is 0 is left out, and so are all before raw.
    """
    if method == "raw":
        return {}
    steps = ("votes", "temporal") if along_flow else ("votes",)
    return {step: dict(settings[step]) for step in steps if settings[step]["weight"] > 0}
