"""Which sequences a configuration asks for. Cheap to import: the workflow asks it while it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from vosmem.allowed import is_plain, shown
from vosmem.data import layout
from vosmem.errors import UserError

MANY = 5  # names that a message lists
LONGEST = 150  # bytes of a name; files may have 255, of which those half written take some 100 more


def place(data: Mapping[str, Any]) -> layout.Place:
    """Where the data set of a resolved section `data` is."""
    masks = Path(data["masks"]) if data["masks"] else None
    return layout.Place(Path(data["root"]), data["layout"], data["resolution"], masks, data["frames"])


def sequences(data: Mapping[str, Any], key: str) -> list[str]:
    """The sequences that `train` or `test` means: a list, a file of names, a part of the data set, or all.

    ``data``: the resolved section. Raises UserError where the file or the data set cannot be read, or where a sequence
    has a name that cannot be the name of results. Names that are listed need not be there, see :func:`check`.
    """
    names = _asked(data, key)
    for name in names:
        if why := unusable(name):
            raise UserError(f"config: data.{key}: the sequence {shown(name)} {why}; rename it, or take it off the list")
    return names


def check(data: Mapping[str, Any], key: str, names: Sequence[str]) -> None:
    """Raise UserError where one of ``names``, of :func:`sequences`, is listed and the data set has no such sequence."""
    if _means_a_part(data, data[key]):
        return  # of the data set's own names
    where = place(data)
    known = layout.sequence_names(where)
    there = {*known}
    absent = [name for name in names if name not in there and not any(layout.sources(where, name)[:1])]
    if absent:
        mend = "leave the suffix out" if {Path(name).stem for name in absent} & there else "correct the name"
        folder = layout.LAYOUTS[where.layout].parent(where)
        raise UserError(
            f"config: data.{key}: got {_some(map(shown, absent))}, but {folder} has no such sequence; "
            f"it has {_some(known)}; {mend}, or take it off the list"
        )


def _some(names: Iterable[str]) -> str:
    first = [*islice(names, MANY + 1)]
    return ", ".join([*first[:MANY], *["..."] * (len(first) > MANY)])


def unusable(name: str) -> str:
    """Why a sequence's name can be neither a file's nor a word of a command; empty of one that can."""
    if not name or name in (".", "..") or "/" in name or "\\" in name:
        return "is no name of a folder"
    if not is_plain(name):
        return "has control characters in its name"
    if any(c in name for c in "{}<>"):
        return "has braces or angle brackets in its name, which Snakemake takes for its own"
    if name.startswith("-"):
        return "has a name that begins with a dash, as options do"
    if name == "mean":
        return "is called as the last row of every table of scores is"
    if len(name.encode()) > LONGEST:
        return f"has a name of more than {LONGEST} bytes, with which its files' names would be too long"
    return ""


def _means_a_part(data: Mapping[str, Any], asked: Any) -> bool:
    """Whether a value means all of the data set, or a part that it is distributed in, rather than listing names."""
    return asked == "all" or asked in layout.LAYOUTS[data["layout"]].parts


def _asked(data: Mapping[str, Any], key: str) -> list[str]:
    asked = data[key]
    if isinstance(asked, list):
        return asked
    if data["source"] == "demo":
        from vosmem.demo import SEQUENCES

        return [name for name, part in SEQUENCES.items() if asked in ("all", part)]
    if _means_a_part(data, asked):
        return layout.sequence_names(place(data), None if asked == "all" else asked)
    try:
        return layout.read_list(Path(asked))
    except UserError as error:
        raise UserError(f"config: data.{key}: {error}; give a file of names, all, or the names as [{asked}]") from None
