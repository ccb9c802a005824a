"""What is wrong with the files of a sequence, gathered rather than raised, so that all of it shows at once."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vosmem.errors import UserError


@dataclass(frozen=True)
class Defect:
    """Something found in a data set: in which file, what, how to mend it, and whether work can go on without."""

    sequence: str
    file: str
    what: str
    mend: str
    fatal: bool


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
