"""`vosmem overlay`: the masks of one sequence of the workflow, tinted over its frames, as a video."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from vosmem import arguments
from vosmem.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from vosmem.data import describe

HELP = "show the masks of a sequence over its frames, as a video"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "description", type=arguments.path, metavar="DATA.json", help="the sequence, as `vosmem data describe` wrote it"
    )
    parser.add_argument(
        "masks", type=arguments.path, metavar="MASKS.json", help="its masks, as `vosmem refine` wrote them"
    )
    parser.add_argument("-o", "--out", type=arguments.path, required=True, metavar="MP4", help="the video")


def run(args: argparse.Namespace) -> int:
    from vosmem import videofile
    from vosmem.data import describe

    videofile.check_writing(args.out)
    sequence = describe.read(args.description)
    _check(args.masks, sequence)
    times = sequence.times or [t / videofile.RATE for t in range(len(sequence.frames))]
    with arguments.timed(f"overlay {args.out.stem}", total=len(times)) as count:
        videofile.write(args.out, _overlays(sequence, args.masks.with_suffix("")), times)
        count.append(len(times))
    return 0


def _check(path: Path, sequence: describe.Sequence) -> None:
    """Raise UserError unless the file tells of masks of these frames."""
    from vosmem import parse

    try:
        told = parse.json(path.read_text())
        masks = {Path(name).stem for name in told["masks"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{path}: does not tell of masks; give the JSON that `vosmem refine` wrote") from None
    if told.get("sequence") != sequence.name or masks != {*sequence.frame_names}:
        raise UserError(
            f"{path}: is of {len(masks)} frames of {told.get('sequence')}, expected {len(sequence.frames)} of "
            f"{sequence.name}; give the masks of that sequence"
        )


def _overlays(sequence: describe.Sequence, masks: Path) -> Iterator[np.ndarray]:
    import numpy as np

    from vosmem import progress, video

    for path, name in zip(sequence.frame_paths, sequence.frame_names, strict=True):
        frame = video.read_frame(path)  # (h, w, 3): a video's frames are kept at working size, its masks at its own
        share = video.resize(video.read_mask(masks / f"{name}.png").astype(np.float32), frame.shape[:2])
        yield video.overlay(frame, share > 0.5)
        progress.advance(1)
