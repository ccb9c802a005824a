"""`vosmem flow`: the optical flow of one sequence."""

from __future__ import annotations

import argparse
from pathlib import Path

from vosmem import arguments

HELP = "compute the optical flow of a sequence"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "description", type=Path, metavar="DATA.json", help="the sequence, as `vosmem data describe` wrote it"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="H5")
    arguments.add_settings(parser, "flow")


def run(args: argparse.Namespace) -> int:
    from vosmem.flow import stage

    settings = arguments.settings(args, "flow")
    with arguments.timed(f"flow {args.out.stem}") as frames:
        frames.append(stage.run(args.description, args.out, settings["estimator"], settings))
    return 0
