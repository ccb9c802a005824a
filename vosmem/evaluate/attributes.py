"""Tables of attributes that a user gives: which sequence has a fast object, which an occluded one."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from vosmem import davis2016
from vosmem.errors import UserError

BUILT_IN = "davis2016"


def read(source: str) -> Mapping[str, Sequence[str]]:
    """Attributes by sequence: ``davis2016``, or a TSV or CSV file with the columns sequence and attributes (a,b,c)."""
    if source == BUILT_IN:
        return {name: facts.attributes for name, facts in davis2016.facts().items()}
    try:
        lines = Path(source).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"--attributes: {source} cannot be read; give a table with columns sequence and attributes, or {BUILT_IN}"
        ) from None
    table: dict[str, Sequence[str]] = {}
    for row in csv.DictReader(lines, delimiter="\t" if lines and "\t" in lines[0] else ","):
        if row.get("sequence") is None or "attributes" not in row:
            raise UserError(f"--attributes: {source} has no columns sequence and attributes; add them")
        given = (row["attributes"] or "").replace(";", ",").replace(" ", ",")
        table[row["sequence"]] = [a for a in given.split(",") if a]
    if not table:
        raise UserError(
            f"--attributes: {source} names no sequence; give a table with the columns sequence and attributes"
        )
    return table
