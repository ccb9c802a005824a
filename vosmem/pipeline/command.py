"""`vosmem segment`: videos, or folders of images, to masks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from vosmem import arguments, config
from vosmem.errors import UserError, told
from vosmem.pipeline import inputs
from vosmem.whole import scratch

if TYPE_CHECKING:
    import numpy as np

    from vosmem.pipeline.stages import Stages  # which needs torch

HELP = "segment the moving object of videos or folders of images"
EXAMPLE = """examples:
  vosmem segment holiday.mp4 -o out --overlay    writes out/masks/00000.png ... and out/overlay.mp4
  vosmem segment videos/ -o out                  writes out/<video>/masks/00000.png ... where they are not yet"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "input",
        type=arguments.path,
        nargs="+",
        metavar="INPUT",
        help="a video file, or a folder of one video's images; several, or a folder of them, are segmented one after "
        "the other, and one that cannot be stops no other",
    )
    parser.add_argument(
        "-o",
        "--out",
        type=arguments.path,
        required=True,
        metavar="OUT",
        help="folder to write masks/<frame>.png to, of several videos <video>/masks/<frame>.png; what else it holds "
        "stays as it is",
    )
    parser.add_argument(
        "--overlay",
        action="store_true",
        help="also write OUT/overlay.mp4, the mask tinted over the video, each frame at its time",
    )
    parser.add_argument("--probability", action="store_true", help="also write OUT/probability/<frame>.png, 8-bit")
    parser.add_argument("--overwrite", action="store_true", help="replace what an earlier run wrote to OUT")
    parser.add_argument(
        "--short-side",
        type=int,
        default=480,
        metavar="N",
        help="working resolution in pixels, 64 to 2160; masks have the input's size in any case (default: %(default)s)",
    )
    rules = config.schema()["properties"]["refine"]["properties"]["methods"]
    parser.add_argument(
        "--method",
        default=rules["default"][-1],
        choices=rules["items"]["enum"],
        help="what makes masks of the probabilities, see refine.methods (default: %(default)s; bilateral is faster)",
    )
    parser.add_argument(
        "--weights",
        default="shipped",
        metavar="FILE",
        help="of the memory: shipped, shipped-isnet (by IS-Net, which npm fetches, besides; see docs/experiments.md), "
        "or the path of a weights.safetensors of yours (default: %(default)s)",
    )
    parser.add_argument(
        "--no-cuts",
        dest="cuts",
        action="store_false",
        help="take the video as one shot; else its cuts are found, and each shot is segmented by itself",
    )
    parser.add_argument(
        "--labels",
        choices=("255", "01"),
        default="255",
        help="value of the object in the masks: 255, or 1 (which DAVIS-2017's tool reads)",
    )
    parser.add_argument(
        "--work",
        type=arguments.path,
        metavar="FOLDER",
        help="folder for temporary files, some 3 MB a frame of the longest shot at 480 pixels (default: in OUT)",
    )
    arguments.add_device(parser)


def run(args: argparse.Namespace) -> int:
    from vosmem import videofile
    from vosmem.pipeline import segmentation

    if args.work and not args.work.is_dir():
        raise UserError(f"{args.work}: no such folder; make it first, or leave out --work")
    if args.overlay:
        videofile.check_writing(args.out / "overlay.mp4")
    found = inputs.given(args.input, args.out)
    stages = segmentation.ready(args.device, args.threads, args.short_side, args.method, args.weights)
    if args.out in found:
        _segment(args, found[args.out], args.out, stages)
    else:
        _segment_all(args, found, stages)
    return 0


def _segment_all(args: argparse.Namespace, found: Mapping[Path, inputs.Input], stages: Stages) -> None:
    """Segment one video after the other. Raises UserError in the end where some could not be."""
    failed = []
    for k, (out, one) in enumerate(found.items(), 1):
        print(f"{one.path}, {k} of {len(found)}", file=sys.stderr)
        if not args.overwrite and not _missing(args, out):
            print(f"{out}: is there already and stays; --overwrite makes it anew", file=sys.stderr)
            print(out / "masks")
            continue
        try:
            _segment(args, one, out, stages)
        except Exception as error:
            if told(error) is None:
                raise
            print(f"vosmem segment: {told(error)}", file=sys.stderr)
            failed.append(one.name)
    if failed:
        raise UserError(f"{len(failed)} of {len(found)} videos were not segmented, see above: {', '.join(failed)}")


def _wanted(args: argparse.Namespace) -> list[str]:
    return ["masks", *["probability"] * args.probability, *["overlay.mp4"] * args.overlay]


def _missing(args: argparse.Namespace, out: Path) -> list[str]:
    """What of the wanted is not in ``out`` yet."""
    return [name for name in _wanted(args) if not (out / name).exists()]


def _segment(args: argparse.Namespace, one: inputs.Input, out: Path, stages: Stages) -> None:
    """Segment one video to the folder ``out``, or where only an overlay of its masks is missing, make that."""
    from vosmem.pipeline import segmentation
    from vosmem.pipeline.output import output

    one.check()
    if not args.overwrite and _missing(args, out) == ["overlay.mp4"]:
        _show(one, out)
        return
    with output(out, _wanted(args), args.overwrite, one.path) as fresh, _work(args.work, fresh) as work:
        done = segmentation.run(one.frames(), work, stages, args.short_side, args.cuts, one.length())
        names, value = one.names(len(done)), 255 if args.labels == "255" else 1
        seen: list[bool] = []
        _write("masks", fresh, names, (_noted(mask, seen).astype("uint8") * value for mask in done.masks()))
        if args.probability:
            rounded = ((probability * 255).round().astype("uint8") for probability in done.probabilities())
            _write("probability", fresh, names, rounded)
        if args.overlay:
            _write_overlay(fresh, one, done.masks(), done.times)
    print(f"{len(names)} masks written to {out / 'masks'}", file=sys.stderr)
    if len(names) == 1:
        print("one frame shows no motion; more of the video give a better mask", file=sys.stderr)
    if not any(seen):
        print(f"no object was found in any of {len(names)} frames: the masks are empty", file=sys.stderr)
    print(out / "masks")


def _show(one: inputs.Input, out: Path) -> None:
    """Write ``out``/overlay.mp4 by the masks that are there, which may have been corrected by hand since.

    Raises UserError where there is not one for each frame of the video.
    """
    from vosmem import video
    from vosmem.data import files
    from vosmem.pipeline.output import output

    folder = out / "masks"
    times = [time for time, _ in one.frames()]
    masks = [folder / f"{name}.png" for name in one.names(len(times))]
    if {*files.images(folder)} != {*masks}:
        raise UserError(
            f"{folder}: is there already, but does not hold a mask for each of the {len(times)} frames of {one.path}, "
            "to be shown in overlay.mp4; give another folder to write to, or add --overwrite to have it replaced"
        )
    with output(out, ["overlay.mp4"], False, one.path) as fresh:
        _write_overlay(fresh, one, map(video.read_mask, masks), times)
    print(f"{folder}: is there already and stays, overlay.mp4 shows it; --overwrite makes both anew", file=sys.stderr)
    print(folder)


def _noted(mask: np.ndarray, seen: list[bool]) -> np.ndarray:
    """The mask, with whether it shows anything added to ``seen``."""
    seen.append(bool(mask.any()))
    return mask


def _write(what: str, folder: Path, names: Sequence[str], images: Iterator[np.ndarray]) -> None:
    """Images to a new folder ``what`` in ``folder``."""
    from vosmem import video

    (folder / what).mkdir()
    with arguments.timed(what, total=len(names)) as count:
        for name, image in zip(names, images, strict=True):
            video.write_frame(folder / what / f"{name}.png", image)
        count.append(len(names))


def _write_overlay(folder: Path, one: inputs.Input, masks: Iterator[np.ndarray], times: Sequence[float]) -> None:
    """Write ``folder``/overlay.mp4, the masks over the video's frames. Raises UserError where they differ in size."""
    from vosmem import videofile

    with arguments.timed("overlay", total=len(times)) as count:
        videofile.write(folder / "overlay.mp4", _overlays(one, masks), times)
        count.append(len(times))


def _overlays(one: inputs.Input, masks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    from vosmem import progress, video

    for t, ((_, frame), mask) in enumerate(zip(one.frames(), masks, strict=True)):
        if mask.shape != frame.shape[:2]:
            got, expected = (f"{w}x{h}" for h, w in (mask.shape, frame.shape[:2]))
            raise UserError(f"mask {t} of {one.path}: {got} pixels, the frame has {expected}; give masks of its size")
        yield video.overlay(frame, mask)
        progress.advance(1)


def _work(folder: Path | None, fresh: Path) -> AbstractContextManager[Path]:
    """A folder for temporary files, gone in the end. ``folder`` may be that of the results."""
    return nullcontext(fresh / "work") if folder is None else scratch(folder / "vosmem-work")
