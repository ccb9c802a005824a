"""`vosmem weights`: list the known weights, fetch the named."""

from __future__ import annotations

import argparse
import sys

from vosmem import arguments, weights

HELP = "list the known weights; fetch the named"
EXAMPLE = "example: vosmem weights u2netp raft"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="weights to fetch, by name or address (https://...); none lists what is known",
    )
    parser.add_argument(
        "--folder",
        type=arguments.path,
        default=weights.FOLDER,
        metavar="DIR",
        help="where fetched files are kept (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    from vosmem.weights.fetch import fetch

    for name in args.names:
        print(fetch(name, args.folder))
    if not args.names:
        rows = [("name", "size", "here", "licence", "trained on", "source")]
        for e in weights.registry().values():
            source = "comes with vosmem" if e.shipped else "; ".join(map(weights.place, e.sources))
            here = "yes" if e.path(args.folder).is_file() else "no"
            rows.append((e.name, f"{e.bytes / 1e6:.1f} MB", here, e.licence, e.trained_on, source))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            print("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip())
        from vosmem.data.download import SOURCES

        print("\nvosmem itself: MIT", *(source.terms for source in SOURCES.values()), sep="\n", file=sys.stderr)
        print("`vosmem weights NAME` fetches a file.", file=sys.stderr)
    return 0
