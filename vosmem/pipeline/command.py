"""`vosmem segment`: one video, or one folder of images, to masks."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

HELP = "segment the moving object of one video or folder of images"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", type=Path, metavar="INPUT", help="a video file, or a folder of images")
    parser.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="folder to write masks/ to")
    parser.add_argument(
        "--overlay", action="store_true", help="also write OUT/overlay.mp4, the mask tinted over the video"
    )
    parser.add_argument("--probability", action="store_true", help="also write OUT/probability/<frame>.png, 8-bit")
    parser.add_argument("--short-side", type=int, default=480, help="working resolution (default: %(default)s)")
    parser.add_argument(
        "--labels",
        choices=("255", "01"),
        default="255",
        help="value of the object in the masks: 255, or 1 (which DAVIS-2017's tool reads)",
    )
    parser.add_argument(
        "--device",
        default=os.environ.get("VOSMEM_DEVICE", "auto"),
        help="auto, cpu, cuda or cuda:N (default: %(default)s)",
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="CPU threads (default: all cores that this process may use)"
    )


def run(args: argparse.Namespace) -> int:
    from vosmem import video
    from vosmem.data import layout
    from vosmem.pipeline import segmentation

    images = layout.images(args.input) if args.input.is_dir() else None

    def frames() -> Iterator:
        return video.read_video(args.input) if images is None else map(video.read_frame, images)

    with tempfile.TemporaryDirectory(prefix="vosmem-") as folder:
        done = segmentation.run(frames(), Path(folder), args.device, args.threads, args.short_side)
        names = [p.stem for p in images] if images else [f"{t:05d}" for t in range(done.length)]
        value = 255 if args.labels == "255" else 1
        _write_all(args.out / "masks", names, (m * value for m in done.masks()))
        if args.probability:
            _write_all(args.out / "probability", names, ((p * 255).round() for p in done.probabilities()))
        if args.overlay:
            rate = 25.0 if images else video.frames_per_second(args.input)
            shown = itertools.starmap(video.overlay, zip(frames(), done.masks(), strict=True))
            video.write_video(args.out / "overlay.mp4", shown, rate)
    print(args.out / "masks")
    return 0


def _write_all(folder: Path, names: list[str], images: Iterator) -> None:
    from vosmem import video

    for name, image in zip(names, images, strict=True):
        video.write_frame(folder / f"{name}.png", image.astype("uint8"))
    print(f"{len(names)} files written to {folder}", file=sys.stderr)
