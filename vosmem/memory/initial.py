"""Training that starts from given weights: those that come with vosmem, or of another run (`memory.init`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosmem import weights
from vosmem.errors import UserError
from vosmem.memory import INIT_KEYS, LATER, predict
from vosmem.memory.model import VisualMemory
from vosmem.memory.streams import Streams


@dataclass(frozen=True)
class Initial:
    """Weights to start from. ``fine``: the maps that their read-out is given; ``trained_on``: sequences."""

    path: Path
    sha256: str
    model: VisualMemory
    fine: tuple[str, ...]
    trained_on: tuple[str, ...]
    made_of: Mapping[str, Any]

    def check(self, streams: Streams) -> None:
        """Raise UserError unless the streams are made as those were that the weights were trained with."""
        predict.check_streams(self.path, self.made_of["streams"], streams)

    def with_more(self, sequences: Sequence[str]) -> list[str]:
        """All sequences that the weights will have been trained on: their own, then those that are new."""
        return list(dict.fromkeys([*self.trained_on, *sequences]))


def load(setting: str, settings: Mapping[str, Any], sha256: str = "") -> Initial:
    """The weights that ``setting`` names, ``shipped``, ``shipped-isnet`` or a path, as a model that can be trained.

    The moments by which it standardises its input come with it: its weights are for an input that is so standardised,
    and a few frames of one video would tell other ones. ``settings``: the config's section `memory`; raises UserError
    where its shape is another than that of the weights, or the file is not that of ``sha256`` where that is given.
    """
    path = weights.memory_file(setting)
    model, made_of = predict.load(path)
    got = weights.sha256(path)
    if sha256 and got != sha256:
        raise UserError(
            f"memory.init: {path} has SHA-256 {got[:16]}..., expected {sha256[:16]}...; run the workflow again"
        )
    for key in INIT_KEYS:
        has, asked = {**LATER, **made_of["settings"]}[key], settings[key]
        if has != asked:
            raise UserError(
                f"memory.init: {path} has {key} {has}, but memory.{key} is {asked}; "
                f"set memory.{key}: {has}, or leave memory.init out to train anew"
            )
    model = model.train().requires_grad_(True)
    return Initial(path, got, model, tuple(made_of["fine"]), tuple(made_of["trained_on"]), made_of)
