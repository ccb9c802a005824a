"""`vosmem flow`: the optical flow of one sequence."""

from __future__ import annotations

import argparse

from vosmem import arguments, weights

HELP = "compute the optical flow of a sequence"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "description", type=arguments.path, metavar="DATA.json", help="the sequence, as `vosmem data describe` wrote it"
    )
    parser.add_argument("-o", "--out", type=arguments.path, required=True, metavar="H5", help="the flow")
    arguments.add_settings(parser, "flow")
    arguments.add_device(parser)


def run(args: argparse.Namespace) -> int:
    from vosmem.flow import stage

    settings = arguments.settings(args, "flow")
    name, path, where = settings["estimator"], None, None
    if stage.METHODS[name].learned:
        from vosmem import device

        path, where = weights.file_for(name, settings["weights"]), device.choose(args.device, args.threads)
    with arguments.timed(f"flow {args.out.stem}") as frames:
        frames.append(stage.run(args.description, args.out, name, settings, path, where))
    return 0
