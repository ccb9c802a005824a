"""`vosmem refine`: the full-size masks of one sequence."""

from __future__ import annotations

import argparse
from pathlib import Path

from vosmem import arguments, config

HELP = "turn a sequence's probabilities into full-size masks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "description", type=Path, metavar="DATA.json", help="the sequence, as `vosmem data describe` wrote it"
    )
    parser.add_argument(
        "probability", type=Path, metavar="MEMORY.h5", help="its probabilities, from `vosmem memory predict`"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="JSON",
        help="what was written; masks go to the folder of the same name",
    )
    parser.add_argument(
        "--flow", type=Path, metavar="FLOW.h5", help="steady the probabilities along this flow, see refine.temporal"
    )
    methods = config.schema()["properties"]["refine"]["properties"]["methods"]["items"]["enum"]
    parser.add_argument("--method", default="raw", choices=methods, help="see refine.methods (default: %(default)s)")
    arguments.add_settings(parser, "refine")


def run(args: argparse.Namespace) -> int:
    from vosmem.refine import stage

    settings = arguments.settings(args, "refine")
    with arguments.timed(f"refine {args.out.stem}") as frames:
        frames.append(stage.run(args.description, args.probability, args.out, args.method, settings, args.flow))
    return 0
