"""Which sequences a configuration asks for. Cheap to import: the workflow asks it while it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Raise UserError where the data set is not there, or has no sequence by one of ``names``."""
    where = place(data)
    known = layout.sequence_names(where)
    there = {*known}
    absent = [name for name in names if name not in there and not any(layout.sources(where, name)[:1])]
    if absent:
        got = f"{', '.join(map(shown, absent[:MANY]))}{', ...' * (len(absent) > MANY)}"
        mend = "leave the suffix out" if {Path(name).stem for name in absent} & there else "correct the name"
        folder = layout.LAYOUTS[where.layout].parent(where)
        raise UserError(
            f"config: data.{key}: got {got}, but {folder} has no such sequence; it has "
            f"{', '.join(known[:MANY])}{', ...' * (len(known) > MANY)}; {mend}, or take it off the list"
        )


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


def _asked(data: Mapping[str, Any], key: str) -> list[str]:
    asked = data[key]
    if isinstance(asked, list):
        return asked
    if data["source"] == "demo":
        from vosmem.demo import SEQUENCES

        return [name for name, part in SEQUENCES.items() if asked in ("all", part)]
    if asked == "all" or asked in layout.LAYOUTS[data["layout"]].parts:
        return layout.sequence_names(place(data), None if asked == "all" else asked)
    try:
        return layout.read_list(Path(asked))
    except UserError as error:
        raise UserError(f"config: data.{key}: {error}; give a file of names, all, or the names as [{asked}]") from None
