"""All defects of a data set at once, as one table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from vosmem.data.defects import Defect, read
from vosmem.errors import UserError
from vosmem.whole import replacing

COLUMNS = ("sequence", "file", "what", "mend")


def defects_of(descriptions: Iterable[Path]) -> list[Defect]:
    """Every defect that the descriptions tell of, in their order."""
    return [defect for path in descriptions for defect in read(Path(path))]


def table(defects: list[Defect]) -> str:
    """The defects as a text table, the fatal ones first."""
    rows = [("", *COLUMNS)]
    for d in sorted(defects, key=lambda d: not d.fatal):
        cells = ("error" if d.fatal else "note", d.sequence, d.file, d.what, d.mend)
        rows.append(tuple(" ".join(cell.splitlines()) for cell in cells))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def check(descriptions: Iterable[Path], out: Path) -> list[Defect]:
    """Write the table of defects to ``out`` (TSV). Raises UserError, with the table, where any is fatal."""
    defects = defects_of(descriptions)
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(("fatal", *COLUMNS))
    writer.writerows((int(d.fatal), d.sequence, d.file, d.what, d.mend) for d in defects)
    fatal = sum(d.fatal for d in defects)
    if fatal:
        raise UserError(f"the data set has {fatal} defects that must be mended first:\n{table(defects)}")
    with replacing(out) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", errors="surrogateescape")  # file names as they are
    return defects
