"""`vosmem evaluate`: the measures for masks that any method made."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from vosmem import arguments, cores
from vosmem.errors import UserError

if TYPE_CHECKING:
    from vosmem.davis2016 import ByAttribute
    from vosmem.evaluate.tables import SequenceScores

HELP = "score masks against annotations: J, F and T of DAVIS, and other protocols"
EXAMPLE = "example: vosmem evaluate --annotations DAVIS/Annotations/480p --masks my_masks --csv scores.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--annotations", type=arguments.path, metavar="DIR", help="folder of <sequence>/<frame>.png, the truth")
    add(
        "--masks",
        type=arguments.path,
        metavar="DIR",
        help="folder of masks under the same names; all that is not 0 is foreground",
    )
    add("--sequences", nargs="+", metavar="FILE|NAME", help="sequences, or text files of them (default: all annotated)")
    add("--measures", default="J,F,T", metavar="J,F,T", help="which to compute (default: %(default)s)")
    add("--protocol", default="davis", metavar="NAME", help="davis, fbms or segtrack (default: %(default)s)")
    add("--jobs", type=int, metavar="N", help="processes (default: one per core)")
    add("--csv", type=arguments.path, metavar="OUT", help="also write the table as CSV, values 0..1")
    add("--per-frame", type=arguments.path, metavar="OUT", help="also write every frame's values as CSV")
    add("--attributes", metavar="FILE", help="also print scores by attribute, from a table with the columns sequence "
        "and attributes; davis2016 names the one that is built in")  # fmt: skip
    add("--allow-missing", action="store_true", help="count a frame without a mask as empty")
    add("--merge-objects", action="store_true", help="the files number objects, as in DAVIS-2017: take all as one")
    stage = parser.add_argument_group("as a stage of the workflow")
    stage.add_argument(
        "--sequence", type=arguments.path, metavar="DATA.json", help="score a described sequence; --masks: its JSON"
    )
    stage.add_argument("--summarise", nargs="+", type=arguments.path, metavar="CSV", help="sum up tables of sequences")
    arguments.add_settings(stage, "evaluate")


def run(args: argparse.Namespace) -> int:
    from vosmem.evaluate import stage, tables

    if args.sequence:
        if not args.masks or not args.per_frame:
            raise UserError(
                "--sequence: got no --masks or no --per-frame, expected both; name the masks' JSON and a CSV"
            )
        settings = arguments.settings(args, "evaluate")
        with arguments.timed(f"evaluate {args.sequence.stem}") as frames:
            frames.append(stage.run(args.sequence, args.masks.with_suffix(""), args.per_frame, settings))
        return 0
    if args.summarise:
        settings = arguments.settings(args, "evaluate")
        rows = tables.summarise(args.summarise, settings["protocol"])
        if args.csv:
            tables.write_summary(rows, args.csv, settings["protocol"])
        print(_table(rows, settings["protocol"], settings["measures"]))
        return 0
    return _score_folders(args)


def _score_folders(args: argparse.Namespace) -> int:
    from vosmem import davis2016
    from vosmem.evaluate import attributes, folders, parallel, tables

    how = parallel.How(_measures(args.measures), args.protocol, args.merge_objects, args.allow_missing)
    if args.jobs is not None and args.jobs < 1:
        raise UserError(f"--jobs: got {args.jobs}, expected 1 or more; leave it out to use every core")
    if args.attributes and args.protocol != "davis":
        raise UserError(f"--attributes: got protocol {args.protocol}, expected davis; leave one of the two out")
    known = attributes.read(args.attributes) if args.attributes else None
    for out in filter(None, (args.csv, args.per_frame)):
        if out.is_dir():
            raise UserError(f"{out}: is a folder; give the name of a file to write")
    if args.csv and args.per_frame and args.csv.resolve() == args.per_frame.resolve():
        raise UserError(f"{args.csv}: would hold both tables; give --csv and --per-frame files of their own")
    pairs = folders.pair(args.annotations, args.masks, args.sequences)
    if known is not None and not any(pair.sequence in known for pair in pairs):
        raise UserError(f"--attributes: {args.attributes} has none of the sequences to score; correct the names in it")

    progress = _Progress(len(pairs))
    scores = parallel.score(pairs, how, args.jobs or cores.count(), progress.done)
    progress.end(sum(s.frames for s in scores))
    _notices(scores, sum(pair.ignored for pair in pairs), args.merge_objects)

    rows = tables.summarise(scores, args.protocol)
    print(_table(rows, args.protocol, how.measures))
    if known is not None:
        scores_of = {row["sequence"]: row for row in rows[:-1]}
        print(f"\n{_attribute_table(davis2016.by_attribute(scores_of, known), how.measures)}")
    if args.csv:
        tables.write_summary(rows, args.csv, args.protocol)
    if args.per_frame:
        tables.write_frames(scores, args.per_frame, args.protocol, with_t=False)
    return 0


def _measures(text: str) -> str:
    """Which measures ``--measures`` asks for, in the order J, F, T."""
    asked = [part.strip().upper() for part in text.split(",")]
    if not set(asked) <= set("JFT"):
        raise UserError(f"--measures: got {text!r}, expected some of J, F and T; write them as J,F")
    return "".join(measure for measure in "JFT" if measure in asked)


class _Progress:
    """On stderr: where someone is watching, a line that counts sequences; at the end the time taken."""

    def __init__(self, total: int):
        self.total, self.count = total, 0
        self.begin, self.watched = time.perf_counter(), sys.stderr.isatty()

    def done(self, scores: SequenceScores) -> None:
        self.count += 1
        if self.watched:
            line = f"{self.count} of {self.total} sequences: {scores.sequence}"
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)

    def end(self, frames: int) -> None:
        seconds = time.perf_counter() - self.begin
        line = f"{_count(self.total, 'sequence')}, {_count(frames, 'frame')} scored in {seconds:.1f} s"
        print(f"\r\033[K{line}" if self.watched else line, file=sys.stderr)


def _notices(scores: list[SequenceScores], ignored: int, merge_objects: bool) -> None:
    """What a user should know about the files, each said once."""
    missing, labelled = sum(s.missing for s in scores), sum(s.labelled for s in scores)
    if missing:
        print(f"note: {_count(missing, 'frame')} had no mask and counted as empty", file=sys.stderr)
    if labelled and not merge_objects:
        files = _count(labelled, "file")
        print(
            f"note: labels or grey levels above 1 in {files}: all that is not 0 counted as foreground "
            "(where that is meant, say --merge-objects; probabilities are to be cut at a half first)",
            file=sys.stderr,
        )
    if ignored:
        print(f"note: {_count(ignored, 'mask')} not scored, for want of an annotation of that name", file=sys.stderr)


def _table(rows: list[dict], protocol: str, measures: Collection[str]) -> str:
    """The summary as a person reads it: percent, `mean` set off at the end."""
    from vosmem.evaluate import tables

    if not rows:
        return "no sequence with annotations"
    columns = [c for c in tables.SUMMARY[protocol] if protocol != "davis" or c[0] in measures]
    cells = [["sequence", *(c.replace("_", " ") for c in columns)]]
    cells += [[row["sequence"], *(_percent(row[c]) for c in columns)] for row in rows]
    return _aligned(cells, rule_before=len(cells) - 1)


def _attribute_table(table: list[ByAttribute], measures: str) -> str:
    """Scores by attribute, in percent, with the difference to the sequences without it."""
    cells = [["attribute", "", "sequences", *(c for m in measures for c in (m, "difference"))]]
    for row in table:
        values = [text for m in measures for text in (_percent(row.means[m]), _signed(row.differences[m]))]
        cells.append([row.attribute, row.name, str(row.sequences), *values])
    return _aligned(cells, text=2)


def _aligned(cells: list[list[str]], text: int = 1, rule_before: int | None = None) -> str:
    """Columns of equal width: the first ``text`` to the left, numbers to the right."""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = []
    for row in cells:
        padded = [c.ljust(w) if i < text else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        lines.append("  ".join(padded).rstrip())
    if rule_before is not None:
        lines.insert(rule_before, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)


def _percent(value: float | int | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{100 * value:.1f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.1f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
