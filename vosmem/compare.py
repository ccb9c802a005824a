"""The rows of a comparison (config `compare`): models of this run or of others, each with a method of refinement.

Cheap to import: the workflow asks before it starts anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vosmem.errors import UserError


@dataclass(frozen=True)
class Row:
    """``name``: as the configuration has it; ``results``: the folder of another run, None of this one."""

    name: str
    results: Path | None
    model: str
    method: str

    def summary(self, results: Path) -> Path:
        """The table of scores, where this run's are in ``results``."""
        return (self.results or results) / "evaluate" / self.model / self.method / "summary.csv"

    def masks(self, results: Path, sequence: str) -> Path:
        """Folder of a sequence's masks."""
        return (self.results or results) / "refine" / self.model / self.method / sequence


def rows(resolved: Mapping[str, Any], models: Collection[str]) -> list[Row]:
    """The rows of a resolved configuration. ``models``: what may be asked of this run, those of the ablation too.

    None named: all of `models`. Without a method a row has the last of `refine.methods`. Raises UserError for what is
    no row.
    """
    methods = resolved["refine"]["methods"]
    found = []
    for name in resolved["compare"]["rows"] or resolved["models"]:
        where, _, what = name.rpartition(":")
        model, slash, method = what.partition("/")
        if where and not (model and method):
            raise UserError(
                f"config: compare.rows: got {name!r}, expected FOLDER:MODEL/METHOD of another run, "
                "e.g. results/demo:lvo/raw"
            )
        if not where and model not in models:
            raise UserError(f"config: compare.rows: got {name!r}; the models are {', '.join(models)}")
        if not where and slash and method not in methods:
            raise UserError(f"config: compare.rows: got {name!r}; refine.methods has {', '.join(methods)}")
        found.append(Row(name, Path(where) if where else None, model, method or methods[-1]))
    return found
