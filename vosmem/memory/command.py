"""`vosmem memory train` and `vosmem memory predict`."""

from __future__ import annotations

import argparse
import shutil
from functools import partial

from vosmem import arguments
from vosmem.whole import replacing

HELP = "train the visual memory on cached streams, and predict with it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = arguments.add_actions(parser)
    train = add("train", "train projection, ConvGRU and output layers", "Interrupted, the same command goes on.")
    train.add_argument(
        "descriptions", nargs="+", type=arguments.path, metavar="DATA.json", help="the training sequences"
    )
    _add_streams(train, "FOLDER", "a network's features, <sequence>.h5 each", "a network's motion maps, likewise")
    train.add_argument(
        "-o", "--out", type=arguments.path, required=True, metavar="SAFETENSORS", help="the trained weights"
    )
    train.add_argument(
        "--history", type=arguments.path, required=True, metavar="CSV", help="where to write loss and learning rate"
    )
    train.add_argument(
        "--init-sha256", default="", metavar="HEX", help="refuse to start from other weights than these (memory.init)"
    )
    adopt = add("adopt", "take over weights of another run, or those that come with vosmem")
    adopt.add_argument(
        "weights",
        type=arguments.path,
        metavar="SAFETENSORS",
        help="a weight file, or one of the words: shipped, shipped-isnet",
    )
    adopt.add_argument("-o", "--out", type=arguments.path, required=True, metavar="SAFETENSORS", help="the copy")
    adopt.add_argument("--history", type=arguments.path, metavar="CSV", help="also take over the history beside them")
    adopt.add_argument("--half", action="store_true", help="store float16, as the weights that come with vosmem are")
    predict = add("predict", "find the probability of object for one sequence")
    predict.add_argument("weights", type=arguments.path, metavar="SAFETENSORS", help="what `vosmem memory train` wrote")
    _add_streams(predict, "H5", *2 * ("the sequence's file of each network",))
    predict.add_argument("-o", "--out", type=arguments.path, required=True, metavar="H5", help="the probabilities")
    predict.add_argument(
        "--mirrored",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="the mean of two views, as memory.mirrored says (default: no)",
    )
    arguments.add_settings(train, "memory")
    for command in (train, predict):
        arguments.add_device(command)


def _add_streams(parser: argparse.ArgumentParser, kind: str, appearance: str, motion: str) -> None:
    """``--appearance`` and ``--motion``: of which ``kind`` what they take is, and what it is."""
    for stream, told in (("appearance", appearance), ("motion", motion)):
        parser.add_argument(f"--{stream}", nargs="+", default=[], type=arguments.path, metavar=kind, help=told)


def run(args: argparse.Namespace) -> int:
    if args.action == "adopt":
        return _adopt(args)
    from vosmem import device

    where = device.choose(args.device, args.threads)
    if args.action == "predict":
        from vosmem.memory import predict

        with arguments.timed(f"memory {args.out.stem}") as frames:
            frames.append(predict.run(args.appearance, args.motion, args.weights, args.out, where, args.mirrored))
        return 0
    from vosmem.memory import parallel
    from vosmem.memory.train import train

    settings = arguments.settings(args, "memory")
    with arguments.timed("memory train", "steps") as steps:
        task = partial(
            train, args.descriptions, args.appearance, args.motion, args.out, args.history, settings,
            init_sha256=args.init_sha256,
        )  # fmt: skip
        parallel.run(task, settings["processes"], where)
        steps.append(settings["steps"])
    return 0


def _adopt(args: argparse.Namespace) -> int:
    from vosmem import weights
    from vosmem.memory import predict

    given = weights.memory_file(str(args.weights))
    model, made_of = predict.load(given)  # so that a wrong file stops here
    if args.half:
        weights.save(args.out, model.half().state_dict(), {**weights.metadata(given), **made_of})
    else:
        with replacing(args.out) as temporary:
            shutil.copyfile(given, temporary)
    if args.history:
        history = given.with_name("history.csv")
        with replacing(args.history) as temporary:
            temporary.write_text(history.read_text() if history.is_file() else "step,loss,learning_rate,seconds\n")
    return 0
