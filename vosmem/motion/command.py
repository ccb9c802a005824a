"""`vosmem motion predict`, `vosmem motion train`, and `vosmem motion render`, which makes what that may train on."""

from __future__ import annotations

import argparse
import math
from typing import Any

from vosmem import arguments, parse, weights
from vosmem.errors import UserError

# Options of `train` and their defaults, which are those of the weights that come with vosmem.
TRAINING = {
    "data": None, "fields": None, "width": 0.25, "encoding": "residual", "size": (116, 212), "steps": 1800,
    "epochs": None, "batch_size": 8, "optimizer": "adamw", "schedule": "cosine", "lr": 2e-3, "weight_decay": 0.01,
    "averaging": 0.997, "seed": 0, "float32": False,
}  # fmt: skip
HELP = "find what moves independently of the camera; train the network that does"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = arguments.add_actions(parser)
    predict = add("predict", "find what moves by itself in one sequence")
    predict.add_argument(
        "flow", type=arguments.path, metavar="FLOW.h5", help="the sequence's flow, as `vosmem flow` wrote it"
    )
    predict.add_argument("-o", "--out", type=arguments.path, required=True, metavar="H5", help="the maps of motion")
    arguments.add_settings(predict, "motion")
    train = add(
        "train",
        "train MP-Net on synthetic flow, which is made as it goes, or on FlyingThings3D",
        "The defaults are those of the weights that come with vosmem. Interrupted, the same command goes on.",
    )
    train.add_argument(
        "-o", "--out", type=arguments.path, required=True, metavar="SAFETENSORS", help="the trained weights"
    )
    train.add_argument(
        "--history", type=arguments.path, metavar="CSV", help="loss and score by step (default: OUT with .csv)"
    )
    train.add_argument(
        "--config",
        type=arguments.path,
        metavar="YAML",
        help="take the options below from a file; those given beside it win",
    )

    def option(key: str, told: str, **kind: Any) -> None:
        value = TRAINING[key]
        default = " ".join(map(str, value)) if isinstance(value, tuple) else value
        shown = "" if value is None else f" (default: {default})"
        train.add_argument(f"--{key.replace('_', '-')}", help=f"{told}{shown}", **kind)

    option("data", "folder of FlyingThings3D, in the place of synthetic flow", metavar="DIR")
    option("fields", "folder that `vosmem motion render` filled, for half of each step's fields", metavar="DIR")
    option("width", "of the published channels", type=float, metavar="SHARE")
    option("encoding", "how flow is given to the network", choices=("published", "uv", "residual"))
    option(
        "size",
        "size of the fields of flow; with --data that of crops of fields of 270x480",
        type=int,
        nargs=2,
        metavar=("H", "W"),
    )
    option("steps", "training steps", type=int, metavar="N")
    option("epochs", "with --data, in the place of --steps: how often each pair is seen", type=int, metavar="N")
    option("batch_size", "fields in a step", type=int, metavar="N")
    option("optimizer", "sgd: as published, with momentum 0.9", choices=("adamw", "sgd"))
    option("schedule", "how the rate falls; published: x0.1 at 10/27 and 19/27", choices=("cosine", "published"))
    option("lr", "learning rate; published: 0.003", type=float, metavar="RATE")
    option("weight_decay", "published: 0.005", type=float, metavar="X")
    option("averaging", "decay of the running mean of the weights; 0 keeps the last", type=float, metavar="X")
    option("seed", "of weights and data", type=int, metavar="N")
    train.add_argument("--float32", action="store_true", help="no bfloat16, even where the hardware has it")
    render = add(
        "render",
        "render scenes and estimate their flow, for `train --fields`",
        "A file a scene; those that are there already stay, so that the same command goes on after a kill.",
    )
    render.add_argument(
        "-o", "--out", type=arguments.path, required=True, metavar="DIR", help="the fields, <seed>.npz each"
    )
    render.add_argument("--scenes", type=int, default=450, metavar="N", help="(default: %(default)s)")
    render.add_argument("--seed", type=int, default=0, metavar="N", help="of the first scene (default: %(default)s)")
    render.add_argument(
        "--size", type=int, nargs=2, default=TRAINING["size"], metavar=("H", "W"), help="(default: 116 212)"
    )
    render.add_argument(
        "--estimator", nargs="+", default=["raft", "dis"], choices=("raft", "dis"), help="(default: raft dis)"
    )
    for command in (predict, train, render):
        arguments.add_device(command)


def run(args: argparse.Namespace) -> int:
    from vosmem import device

    if args.action != "predict":
        work = {"train": _train, "render": _render}[args.action]
        return work(args, device.choose(args.device, args.threads))
    network, settings = arguments.network_settings(args, "motion")

    from vosmem.motion import stage

    path = weights.file_for(network, settings["weights"]) if network in stage.WITH_WEIGHTS else None
    with arguments.timed(f"motion {args.out.stem}") as frames:
        where = device.choose(args.device, args.threads)
        frames.append(stage.run(args.flow, args.out, network, settings, path, where))
    return 0


def _train(args: argparse.Namespace, where) -> int:
    from vosmem import precision
    from vosmem.motion import flyingthings3d
    from vosmem.motion.train import train_to_file

    options = _options(args)
    if min(options["size"]) < 32:
        got = " ".join(map(str, options["size"]))
        raise UserError(f"--size: got {got}, expected 32 at least: the network halves its input five times")
    epochs = options.pop("epochs")
    if epochs:
        if not options["data"]:
            raise UserError("--epochs: is for --data; synthetic flow has no end, so say --steps")
        options["steps"] = -(-epochs * len(flyingthings3d.pairs(options["data"])) // options["batch_size"])
    options["bfloat16"] = not options.pop("float32") and precision.choose("auto", where) == "bfloat16"
    with arguments.timed("motion train", "steps") as steps:
        train_to_file(args.out, args.history or args.out.with_suffix(".csv"), **options, device=where)
        steps.append(options["steps"])
    return 0


def _render(args: argparse.Namespace, where) -> int:
    from vosmem import progress
    from vosmem.motion import rendered

    if min(args.size) < 32 or args.scenes < 1 or args.seed < 0:
        raise UserError(
            f"--size, --scenes, --seed: got {' '.join(map(str, args.size))}, {args.scenes}, {args.seed}; "
            "expected 32 at least, 1 at least, 0 at least"
        )
    estimates = {name: _estimate(name, where) for name in args.estimator}
    args.out.mkdir(parents=True, exist_ok=True)
    with arguments.timed(f"motion render {args.out.name}", "scenes") as scenes:
        for seed in range(args.seed, args.seed + args.scenes):
            path = args.out / f"{seed:06}.npz"
            if not path.exists():
                rendered.write(path, seed, tuple(args.size), estimates)
                scenes.append(1)
            progress.advance(1, args.scenes)
    return 0


def _estimate(name: str, where) -> Any:
    """Stage flow's estimator, with its default settings, as :data:`rendered.Estimate`."""
    from vosmem import config, video
    from vosmem.flow import stage

    method, settings = stage.METHODS[name], config.section_defaults("flow")
    path = weights.file_for(name, settings["weights"]) if method.learned else None
    estimator = method.make(settings, path, where)

    def estimate(first, second):
        size = tuple(round(n * estimator.scale) for n in first.shape[:2])
        return estimator(*(estimator.prepare(video.resize(frame, size)) for frame in (first, second)), True)

    return estimate


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """The options of a training: those given, then those of the file, then the defaults; checked."""
    given = {key: value for key in TRAINING if (value := getattr(args, key)) is not None and value is not False}
    told: dict[str, Any] = {}
    if args.config:
        try:
            told = parse.yaml(args.config.read_text())
        except (OSError, ValueError) as error:
            raise UserError(f"{args.config}: cannot be read as YAML ({type(error).__name__})") from None
        if not isinstance(told, dict) or {*told} - {*TRAINING}:
            raise UserError(f"{args.config}: expected keys among {', '.join(TRAINING)}; got {told!r:.100}")
    options = {**TRAINING, **told, **given}
    for key in ("steps", "epochs", "batch_size", "width", "lr", "weight_decay", "averaging", "seed"):
        value, whole = options[key], key in ("steps", "epochs", "batch_size", "seed")
        most = 1 if key == "averaging" else math.inf
        may_be_0 = key in ("weight_decay", "averaging", "seed")
        if value is None and key == "epochs":
            continue
        is_number = isinstance(value, int if whole else int | float)
        if not is_number or value > most or not (value > 0 or (may_be_0 and value == 0)):
            wanted = f"{'a whole number' if whole else 'a number'}, {'at least' if may_be_0 else 'more than'} 0"
            raise UserError(f"--{key.replace('_', '-')}: got {value!r}, expected {wanted}{', at most 1' * (most == 1)}")
    for key in ("data", "fields"):
        if not isinstance(options[key], str | None):
            raise UserError(f"--{key}: got {options[key]!r}, expected a folder")
    if options["data"] and options["fields"]:
        raise UserError("--fields: are for synthetic flow; leave --data or --fields out")
    for key, known in (("encoding", ("published", "uv", "residual")), ("optimizer", ("adamw", "sgd")),
                       ("schedule", ("cosine", "published"))):  # fmt: skip
        if options[key] not in known:
            raise UserError(f"--{key}: got {options[key]!r}, expected one of {', '.join(known)}")
    size = options["size"]
    if not isinstance(size, list | tuple) or len(size) != 2 or not all(isinstance(n, int) for n in size):
        raise UserError(f"--size: got {size!r}, expected height and width")
    return {**options, "size": tuple(size)}
