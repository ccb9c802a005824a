"""Stage `evaluate`: how well masks agree with annotations, by the measures of the data set.

The measures on arrays are here by name: `vosmem.evaluate.region_similarity(masks, annotations)`.
"""

from __future__ import annotations

import importlib
from typing import Any

STAGE_VERSION = 3

_HOMES = {
    "region_similarity": "measures",
    "contour_accuracy": "measures",
    "temporal_stability": "measures",
    "mean": "statistics",
    "recall": "statistics",
    "decay": "statistics",
}
__all__ = ["STAGE_VERSION", *_HOMES]


def __getattr__(name: str) -> Any:
    """Import a measure when it is first asked for: the workflow imports this package for its version alone."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
