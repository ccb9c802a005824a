"""`vosmem refine`: the full-size masks of one sequence."""

from __future__ import annotations

import argparse

from vosmem import arguments, config, cores, weights
from vosmem.errors import UserError

HELP = "turn a sequence's probabilities into full-size masks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "description", type=arguments.path, metavar="DATA.json", help="the sequence, as `vosmem data describe` wrote it"
    )
    parser.add_argument(
        "probability", type=arguments.path, metavar="MEMORY.h5", help="its probabilities, from `vosmem memory predict`"
    )
    parser.add_argument(
        "-o",
        "--out",
        type=arguments.path,
        required=True,
        metavar="JSON",
        help="what was written; masks go to the folder of the same name",
    )
    parser.add_argument(
        "--flow",
        type=arguments.path,
        metavar="FLOW.h5",
        help="steady the probabilities along this flow, see refine.temporal",
    )
    parser.add_argument(
        "--appearance",
        type=arguments.path,
        nargs="+",
        default=[],
        metavar="FEATURES.h5",
        help="these files tell, beside colours, which cells are alike, see refine.votes",
    )
    methods = config.schema()["properties"]["refine"]["properties"]["methods"]["items"]["enum"]
    parser.add_argument("--method", default="raw", choices=methods, help="see refine.methods (default: %(default)s)")
    parser.add_argument(
        "--look",
        type=arguments.path,
        metavar="FILE",
        help="method zoom: the weights of refine.zoom.network (default: the registry's)",
    )
    parser.add_argument(
        "--correction",
        type=arguments.path,
        metavar="FILE",
        help="method zoom: what `vosmem correction` wrote, in the place of refine.zoom.correction",
    )
    arguments.add_settings(parser, "refine")
    arguments.add_device(parser)


def run(args: argparse.Namespace) -> int:
    from vosmem.refine import stage

    settings, look = arguments.settings(args, "refine"), None
    arguments.folder_beside(args.out)
    if args.method == "raw" and (args.flow or args.appearance):
        raise UserError("--flow, --appearance: nothing comes before method raw; give another --method, e.g. temporal")
    threads = cores.chosen(args.threads)
    if args.method == "zoom":
        from vosmem import device  # PyTorch, whose import takes longer than most masks, is for this method alone
        from vosmem.refine.look import prepared

        where = device.choose(args.device, threads)
        file = args.look or weights.file_for(settings["zoom"]["network"], "registry")
        settings["zoom"], look = prepared(settings["zoom"], file, where, args.correction)
        threads = device.threads_for_frames(where)
    with arguments.timed(f"refine {args.out.stem}") as frames:
        files = (args.description, args.probability, args.out)
        frames.append(stage.run(*files, args.method, settings, args.flow, look, threads, args.appearance))
    return 0
