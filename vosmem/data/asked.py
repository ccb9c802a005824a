"""Which sequences a configuration asks for. Cheap to import: the workflow asks it while it is read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vosmem.data import layout


def place(data: Mapping[str, Any]) -> layout.Place:
    """Where the data set of a resolved section `data` is."""
    masks = Path(data["masks"]) if data["masks"] else None
    return layout.Place(Path(data["root"]), data["layout"], data["resolution"], masks)


def sequences(data: Mapping[str, Any], key: str) -> list[str]:
    """The sequences that `train` or `test` means: a list, a file of names, a part of the data set, or all.

    ``data``: the resolved section. Raises UserError where the file or the data set cannot be read.
    """
    asked = data[key]
    if isinstance(asked, list):
        return asked
    if data["source"] == "demo":
        from vosmem.demo import SEQUENCES

        return [name for name, part in SEQUENCES.items() if asked in ("all", part)]
    if asked == "all" or asked in layout.LAYOUTS[data["layout"]].parts:
        return layout.sequence_names(place(data), None if asked == "all" else asked)
    return layout.read_list(Path(asked))
