"""`vosmem evaluate`: the DAVIS measures of masks that any method made."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vosmem import arguments
from vosmem.errors import UserError

HELP = "score masks against annotations: the DAVIS measures J, F and T"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--annotations", type=Path, metavar="DIR", help="folder of <sequence>/<frame>.png, the truth")
    parser.add_argument("--masks", type=Path, metavar="DIR", help="folder of <sequence>/<frame>.png, to be scored")
    parser.add_argument(
        "--sequences", nargs="+", metavar="NAME", help="sequences, or a text file of them (default: all)"
    )
    parser.add_argument("--measures", metavar="J,F,T", help="which to compute (default: %(default)s)", default="J,F,T")
    parser.add_argument("--csv", type=Path, metavar="OUT", help="also write the summary as CSV")
    parser.add_argument("--per-frame", type=Path, metavar="OUT", help="also write every frame's values as CSV")
    stage = parser.add_argument_group("as a stage of the workflow")
    stage.add_argument(
        "--sequence", type=Path, metavar="DATA.json", help="score one described sequence; --masks is its JSON"
    )
    stage.add_argument("--summarise", nargs="+", type=Path, metavar="CSV", help="summarise tables of sequences")
    arguments.add_settings(stage, "evaluate")


def run(args: argparse.Namespace) -> int:
    from vosmem.evaluate import stage

    settings = arguments.settings(args, "evaluate")
    if args.sequence:
        with arguments.timed(f"evaluate {args.sequence.stem}") as frames:
            frames.append(stage.run(args.sequence, args.masks.with_suffix(""), args.per_frame, settings))
        return 0
    if args.summarise:
        tables = [stage.read_table(path) for path in args.summarise]
    else:
        tables = _folders(args)
    rows = stage.summarise(tables)
    if args.csv:
        stage.write_table(args.csv, stage.SUMMARY_COLUMNS, rows)
    if args.per_frame and not args.summarise:
        stage.write_table(args.per_frame, stage.FRAME_COLUMNS[:4], [row for table in tables for row in table])
    widths = (
        [max(8, *(len(row["sequence"]) for row in rows), 8), *[8] * (len(stage.SUMMARY_COLUMNS) - 1)] if rows else []
    )
    for row in [dict(zip(stage.SUMMARY_COLUMNS, stage.SUMMARY_COLUMNS, strict=True)), *rows] if rows else []:
        cells = (v if isinstance(v, str) else f"{v:.3f}" for v in (row[c] for c in stage.SUMMARY_COLUMNS))
        print(
            "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
        )
    return 0


def _folders(args: argparse.Namespace) -> list:
    from vosmem.data import layout
    from vosmem.evaluate import stage

    measures = args.measures.split(",")
    if not set(measures) <= set("JFT"):
        raise UserError(f"--measures: got {args.measures}, expected some of J,F,T")
    for option in ("annotations", "masks"):
        folder = getattr(args, option)
        if folder is None or not folder.is_dir():
            raise UserError(
                f"--{option}: {folder or 'nothing'} is no folder, expected one that holds <sequence>/<frame>.png"
            )
    names = args.sequences or sorted(p.name for p in args.annotations.iterdir() if p.is_dir())
    if len(names) == 1 and Path(names[0]).is_file():
        names = layout.read_list(Path(names[0]))
    tables = []
    for name in names:
        truth = layout.images(args.annotations / name)
        masks = [args.masks / name / path.name for path in truth]
        if not truth:
            raise UserError(f"{args.annotations / name}: holds no annotations; check --annotations and --sequences")
        missing = [path for path in masks if not path.is_file()]
        if missing:
            raise UserError(f"{missing[0]}: missing, and {len(missing) - 1} more of {len(masks)} masks; add them")
        print(f"{name}: {len(masks)} frames", file=sys.stderr)
        tables.append(stage.score_sequence(name, [p.stem for p in truth], truth, masks, measures))
    return tables
