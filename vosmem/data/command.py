"""`vosmem data`: look at sequences, show every defect at once, and fetch data sets."""

from __future__ import annotations

import argparse
import sys

from vosmem import arguments, config
from vosmem.data import download, layout, seen
from vosmem.errors import UserError

HELP = "look at every frame and mask of a sequence, list what is wrong, fetch DAVIS-2016"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = arguments.add_actions(parser)
    _add_sequence(add("frames", "look at the frames of one sequence, and write a description that tells of no masks"))
    one = add("describe", "look at one sequence, frames and masks, and write its description")
    _add_sequence(one)
    one.add_argument("--needs-masks", action="store_true", help="the sequence is trained on, so masks must be there")
    told = "what `vosmem data frames` wrote: frames are not looked at again"
    one.add_argument("--looked-at", type=arguments.path, metavar="JSON", help=told)
    every = add("check", "show the defects of all described sequences in one table")
    every.add_argument(
        "descriptions", nargs="+", type=arguments.path, metavar="DATA.json", help="what `vosmem data describe` wrote"
    )
    every.add_argument(
        "-o",
        "--out",
        type=arguments.path,
        required=True,
        metavar="TSV",
        help="the table as a file, where nothing must be mended",
    )
    fetched = add("download", "fetch a data set, going on where an earlier call was cut off")
    fetched.add_argument("name", choices=download.SOURCES, help="which")
    fetched.add_argument(
        "--to", type=arguments.path, required=True, metavar="DIR", help="its folder: data.root of the config"
    )
    fetched.add_argument("--sha256", default="", metavar="HEX", help="of the archive, if it is known")


def _add_sequence(one: argparse.ArgumentParser) -> None:
    """Which sequence, where it is, and where its description goes."""
    one.add_argument("sequence", metavar="NAME", help="name of the sequence")
    one.add_argument("--root", type=arguments.path, required=True, metavar="DIR", help="folder of the data set")
    one.add_argument(
        "--layout", choices=layout.LAYOUTS, default="davis", help="how the data set lies there (default: %(default)s)"
    )
    one.add_argument(
        "--resolution",
        default="480p",
        metavar="NAME",
        help="DAVIS layout: the resolution's folder (default: %(default)s)",
    )
    one.add_argument(
        "--masks", type=arguments.path, metavar="DIR", help="where the masks are, of layouts whose frames come without"
    )
    one.add_argument(
        "--short-side", type=int, default=480, metavar="N", help="working resolution in pixels (default: %(default)s)"
    )
    one.add_argument(
        "--frames",
        type=int,
        default=0,
        metavar="N",
        help="take so many at most, from the middle (of a video file, the first); 0 (default): all",
    )
    one.add_argument(
        "--cuts", action=argparse.BooleanOptionalAction, default=True, help="look where the shots of a video begin"
    )
    one.add_argument(
        "-o",
        "--out",
        type=arguments.path,
        required=True,
        metavar="JSON",
        help="what was found; frames and masks that are made of the files go to the folder of the same name",
    )


def run(args: argparse.Namespace) -> int:
    if args.action == "download":
        with arguments.timed(f"download {args.name}", "MB or files"):
            download.download(args.name, args.to, args.sha256)
        return 0
    if args.action == "check":
        from vosmem.data import check

        defects = check.check(args.descriptions, args.out)
        print(check.table(defects) if defects else f"{len(args.descriptions)} sequences, nothing to remark")
        return 0
    return _look(args)


def _look(args: argparse.Namespace) -> int:
    """Describe a sequence, its frames, or its masks beside frames that were described."""
    from vosmem.data import describe

    config.check_short_side(args.short_side)
    if args.frames < 0:
        raise UserError(f"--frames: got {args.frames}, expected 0 (all) or more")
    place = layout.Place(args.root, args.layout, args.resolution, args.masks, args.frames, args.cuts)
    alone = args.action == "frames"
    if args.layout == "videos" and (alone or args.looked_at is None):
        arguments.folder_beside(args.out)
    elif not alone:  # of images only masks may have to be written anew
        arguments.folder_beside(args.out, "masks")
    folder = args.out.with_suffix("")
    before = None if alone or args.looked_at is None else describe.told_of_frames(args.looked_at, args.sequence)
    parts = layout.sources(place, args.sequence)
    parts = parts[:1] if alone else parts[1:] if before else parts
    looked, content = seen.look(parts), seen.content(parts)
    with arguments.timed(f"data {args.sequence}") as frames:
        told = before or describe.frames_alone(place, args.sequence, args.short_side, folder)
        if not alone:
            told = describe.with_masks(told, place, args.needs_masks, folder)
        frames.append(len(told["frames"]))
    known = before["fingerprint"]["content"] if before else ""
    told["fingerprint"]["content"] = " ".join(filter(None, (known, content)))
    describe.write(args.out, told)
    seen.note(args.out, parts, looked, content)
    print(f"data {args.sequence}: {len(told['frames'])} frames, {len(told['defects'])} remarks", file=sys.stderr)
    return 0
