"""`vosmem motion predict` and `vosmem motion train`."""

from __future__ import annotations

import argparse
from pathlib import Path

from vosmem import arguments, weights
from vosmem.errors import UserError

HELP = "find what moves independently of the camera; train the network that does"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = arguments.add_actions(parser)
    predict = add("predict", "find what moves by itself in one sequence")
    predict.add_argument("flow", type=Path, metavar="FLOW.h5", help="the sequence's flow, as `vosmem flow` wrote it")
    predict.add_argument("-o", "--out", type=Path, required=True, metavar="H5", help="the maps of motion")
    arguments.add_settings(predict, "motion")
    train = add(
        "train",
        "train MP-Net on synthetic flow, which is made as it goes",
        "The defaults are those of the weights that come with vosmem. Interrupted, the same command goes on.",
    )
    train.add_argument("-o", "--out", type=Path, required=True, metavar="SAFETENSORS", help="the trained weights")
    train.add_argument("--history", type=Path, metavar="CSV", help="loss and score by step (default: OUT with .csv)")
    train.add_argument(
        "--width", type=float, default=0.25, metavar="SHARE", help="of the published channels (default: %(default)s)"
    )
    train.add_argument(
        "--encoding",
        choices=("published", "uv", "residual"),
        default="residual",
        help="how flow is given to the network (default: %(default)s)",
    )
    train.add_argument(
        "--size",
        type=int,
        nargs=2,
        default=(116, 212),
        metavar=("H", "W"),
        help="size of the fields of flow (default: 116 212)",
    )
    train.add_argument("--steps", type=int, default=1800, metavar="N", help="training steps (default: %(default)s)")
    train.add_argument("--batch-size", type=int, default=8, metavar="N", help="fields in a step (default: %(default)s)")
    train.add_argument(
        "--optimizer",
        choices=("adamw", "sgd"),
        default="adamw",
        help="sgd: as published, with momentum 0.9 (default: %(default)s)",
    )
    train.add_argument(
        "--schedule",
        choices=("cosine", "published"),
        default="cosine",
        help="how the rate falls; published: x0.1 at 10/27 and 19/27 (default: %(default)s)",
    )
    train.add_argument(
        "--lr", type=float, default=2e-3, metavar="RATE", help="learning rate; published: 0.003 (default: %(default)s)"
    )
    train.add_argument(
        "--weight-decay", type=float, default=0.01, metavar="X", help="published: 0.005 (default: %(default)s)"
    )
    train.add_argument("--seed", type=int, default=0, metavar="N", help="of weights and scenes (default: %(default)s)")
    train.add_argument("--float32", action="store_true", help="do not compute convolutions in bfloat16")
    for command in (predict, train):
        arguments.add_device(command)


def run(args: argparse.Namespace) -> int:
    from vosmem import device

    if args.action == "train":
        return _train(args, device.choose(args.device, args.threads))
    network, settings = arguments.network_settings(args, "motion")

    from vosmem.motion import stage

    path = weights.file_for(network, settings["weights"]) if network in stage.WITH_WEIGHTS else None
    with arguments.timed(f"motion {args.out.stem}") as frames:
        where = device.choose(args.device, args.threads)
        frames.append(stage.run(args.flow, args.out, network, settings, path, where))
    return 0


def _train(args: argparse.Namespace, where) -> int:
    from vosmem.motion.train import train_to_file

    checks = (
        ("--width", args.width > 0),
        ("--steps", args.steps > 0),
        ("--batch-size", args.batch_size > 0),
        ("--lr", args.lr > 0),
    )
    for name, good in checks:
        if not good:
            raise UserError(f"{name}: got {getattr(args, name[2:].replace('-', '_'))}, expected more than 0")
    if min(args.size) < 32:
        raise UserError(
            f"--size: got {args.size[0]} {args.size[1]}, expected 32 at least: the network halves its input five times"
        )
    with arguments.timed("motion train", "steps") as steps:
        train_to_file(
            args.out,
            args.history or args.out.with_suffix(".csv"),
            width=args.width,
            encoding=args.encoding,
            size=tuple(args.size),
            steps=args.steps,
            batch_size=args.batch_size,
            optimizer=args.optimizer,
            schedule=args.schedule,
            lr=args.lr,
            weight_decay=args.weight_decay,
            seed=args.seed,
            bfloat16=not args.float32,
            device=where,
        )
        steps.append(args.steps)
    return 0
