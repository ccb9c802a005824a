"""What is wrong with the files of a sequence, gathered rather than raised, so that all of it shows at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosmem import parse
from vosmem.errors import UserError


@dataclass(frozen=True)
class Defect:
    """Something found in a data set: in which file, what, how to mend it, and whether work can go on without."""

    sequence: str
    file: str
    what: str
    mend: str
    fatal: bool


def read(description: Path) -> list[Defect]:
    """The defects that a description tells of. Raises UserError where it is none."""
    try:
        return [of(told) for told in parse.json_file(description)["defects"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{description}: not a description of a sequence; run `vosmem data` to write one") from None


def of(told: Mapping[str, Any]) -> Defect:
    """A defect as a description tells it. Raises TypeError where that is none."""
    defect = Defect(**told)
    if not all(isinstance(text, str) for text in (defect.sequence, defect.file, defect.what, defect.mend)):
        raise TypeError("no text")
    return defect


class Defects:
    """The defects of one sequence, in the order in which they are found."""

    def __init__(self, sequence: str, root: Path):
        self.sequence, self.root, self.defects = sequence, root, []

    def add(self, file: Path, what: str, mend: str, fatal: bool = True) -> None:
        self.defects.append(Defect(self.sequence, os.path.relpath(file, self.root), what, mend, fatal))

    def add_error(self, file: Path, error: UserError) -> None:
        """What a file's reader said of it: "<file>: <what>; <mend>"."""
        what, _, mend = str(error).removeprefix(f"{file}: ").partition("; ")
        self.add(file, what, mend or "replace the file")

    def add_told(self, error: UserError) -> None:
        """What a reader said of the file that it names first."""
        file, _, told = str(error).partition(": ")
        self.add_error(Path(file), UserError(told))
