"""``vosmem demo``: render the demo set."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vosmem import arguments

HELP = "render the demo set: ten video sequences with true masks and flow"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``vosmem demo``."""
    parser.add_argument(
        "-o",
        "--out",
        metavar="DIR",
        type=arguments.path,
        default=Path("resources/demo"),
        help="folder to make, in DAVIS layout (default: %(default)s); one that this command made is replaced",
    )
    parser.add_argument(
        "--seed", metavar="N", type=int, default=0, help="seed of textures, shapes and noise (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Render; progress on stderr, the folder's path on stdout."""
    from vosmem.demo.folder import write_folder

    print(write_folder(args.out, args.seed, None, (240, 432), 24, lambda line: print(line, file=sys.stderr)))
    return 0
