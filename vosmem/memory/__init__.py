"""Stage ``memory``: the trained part. Projection, bidirectional ConvGRU and output layers on cached streams."""

from collections.abc import Mapping
from typing import Any

STAGE_VERSION = 2
# The keys of `memory` that make it, and those of them that came later: weights of before say nothing of these.
LATER = {"projection_kernel": 1, "cell": "convgru", "shared": True}
SHAPE = ("projection", "context", "state", "kernel", "bidirectional", "finer", *LATER)
INIT_KEYS = (*SHAPE, "without")  # what training that starts from weights must have as they do
WEIGHTS_KEYS = (*INIT_KEYS, "reach")  # what weights that are used bring, whatever the config says
LATER |= {"without": [], "averaging": 0, "stream_dropout": 0}  # decide what it is trained on, and how


def shape(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What of the settings makes the model, of a resolved section or as a weight file tells them. Raises KeyError."""
    return {key: ({**LATER, **settings})[key] for key in SHAPE}


def told(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings without those that came later where they change nothing: what was made before then stays valid."""
    return {key: value for key, value in settings.items() if key not in LATER or value != LATER[key]}
