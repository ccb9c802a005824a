"""`vosmem appearance`: the features of one sequence."""

from __future__ import annotations

import argparse

from vosmem import arguments, weights
from vosmem.appearance import WITHOUT_WEIGHTS

HELP = "compute the appearance features of a sequence"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "description", type=arguments.path, metavar="DATA.json", help="the sequence, as `vosmem data describe` wrote it"
    )
    parser.add_argument("-o", "--out", type=arguments.path, required=True, metavar="H5", help="the features")
    arguments.add_settings(parser, "appearance")
    arguments.add_device(parser)


def run(args: argparse.Namespace) -> int:
    network, settings = arguments.network_settings(args, "appearance")
    path = None if network in WITHOUT_WEIGHTS else weights.file_for(network, settings["weights"])

    from vosmem import device
    from vosmem.appearance import stage

    with arguments.timed(f"appearance {args.out.stem}") as frames:
        where = device.choose(args.device, args.threads)
        frames.append(stage.run(args.description, args.out, network, settings, path, where))
    return 0
