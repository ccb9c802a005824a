"""`vosmem correction`: the closer look's weights and their correction, of a run's own predictions."""

from __future__ import annotations

import argparse

from vosmem import arguments, weights

HELP = "train what the closer look of method zoom makes of what it sees"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "descriptions", nargs="+", type=arguments.path, metavar="DATA.json", help="sequences with masks, to learn from"
    )
    parser.add_argument(
        "--memory",
        type=arguments.path,
        required=True,
        metavar="FOLDER",
        help="their probabilities, <sequence>.h5 each, by weights that were not trained on them",
    )
    parser.add_argument(
        "--flow",
        type=arguments.path,
        metavar="FOLDER",
        help="steady the probabilities along these flows, see refine.temporal",
    )
    parser.add_argument(
        "--appearance",
        type=arguments.path,
        nargs="+",
        default=[],
        metavar="FOLDER",
        help="feature files of these folders tell which cells are alike, see refine.votes",
    )
    parser.add_argument(
        "--look",
        type=arguments.path,
        metavar="FILE",
        help="the weights of refine.zoom.network (default: the registry's)",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=arguments.path,
        required=True,
        metavar="SAFETENSORS",
        help="the correction, and the sum's weights",
    )
    arguments.add_settings(parser, "refine")
    arguments.add_device(parser)


def run(args: argparse.Namespace) -> int:
    from vosmem import device
    from vosmem.refine import learn

    settings = arguments.settings(args, "refine")
    where = device.choose(args.device, args.threads)
    look = args.look or weights.file_for(settings["zoom"]["network"], "registry")
    with arguments.timed("correction", "windows") as windows:
        windows.append(
            learn.run(args.descriptions, args.memory, args.flow, args.appearance, look, settings, where, args.out)
        )
    return 0
