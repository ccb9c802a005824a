"""Layout of FBMS-59 (Ochs, Malik, Brox, PAMI 2014), as the archives FBMS_Trainingset.zip and FBMS_Testset.zip unpack.

``Trainingset/<sequence>/<sequence>_01.jpg`` ... (in some sequences three or four digits, and `tennis001.jpg` without
the underscore); some frames are annotated in ``GroundTruth/``. There ``<sequence>Def.dat`` lists the colours of the
regions, the background first, and the annotated frames. Colour images, ``..._gt.ppm``, have a white background; the
sequences of the older BMS-26 have grey ones, ``.pgm``, with a black one. Beside colour images there are grey ones of
the same names and ``..._PROB_gt.ppm``, which are probabilities and not labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from vosmem.data.files import Regions, SequenceFiles, folders, images, number
from vosmem.errors import UserError

PARTS = ("Trainingset", "Testset")
WHITE, BLACK = 0xFFFFFF, 0


@dataclass(frozen=True)
class Definition:
    """What a Def.dat tells. ``colours``: of the regions, the background first; ``annotated``: (frame, file name) each,
    frames counted from 0."""

    colours: tuple[int, ...]
    annotated: tuple[tuple[int, str], ...]


def names(root: Path, part: str | None = None) -> list[str]:
    """The sequences of one of PARTS, or of all that are there."""
    return sorted(name for p in ([part] if part else PARTS) for name in folders(root / p))


def files(root: Path, sequence: str) -> SequenceFiles:
    """What there is of a sequence. Raises UserError where its Def.dat cannot be read."""
    folder = next((root / p / sequence for p in PARTS if (root / p / sequence).is_dir()), root / PARTS[-1] / sequence)
    truth, frames = folder / "GroundTruth", images(folder)
    numbered = {number(path): path.stem for path in frames}
    lists = sorted(truth.glob("*.dat"))
    if lists:
        told = read_definition(lists[0])
        regions = Regions(told.colours[0], told.colours[1:])
        annotated = [(truth / name, frames[t].stem if t < len(frames) else name) for t, name in told.annotated]
    else:
        found = label_images(truth)
        regions = Regions(WHITE if found and found[0].suffix.lower() == ".ppm" else BLACK)
        annotated = [(path, path.stem) for path in found]
    # The name tells best which frame is meant: it holds where a copy of the data set lacks frames.
    masks = {numbered.get(number(path), otherwise): (path,) for path, otherwise in annotated}
    return SequenceFiles(folder, frames, truth, masks, convert=True, regions=regions, lists=tuple(lists[:1]))


def label_images(truth: Path) -> list[Path]:
    """The label images of a folder without a Def.dat: colour images, else grey ones, else PNG, as in FBMS-3D."""
    for suffix in (".ppm", ".pgm", ".png"):
        found = [path for path in images(truth, {suffix}) if "PROB" not in path.stem]
        if found:
            return found
    return []


def read_definition(path: Path) -> Definition:
    """What a Def.dat tells: lines with a heading each, and what it heads on the next. Raises UserError."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="latin-1").splitlines()]
        headed = [(head.lower(), value) for head, value in pairwise(lines)]
        colours = tuple(int(value) for head, value in headed if head.startswith("scale of region"))
        frames = [int(value) for head, value in headed if head.startswith("frame number")]
        found = [Path(value.replace("\\", "/")).name for head, value in headed if head.startswith("file name")]
        return Definition(_at_least_two(colours), tuple(zip(frames, found, strict=True)))
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path}: not a definition of FBMS-59's regions ({error}); take the file from the archive again"
        ) from None


def _at_least_two(colours: tuple[int, ...]) -> tuple[int, ...]:
    if len(colours) < 2:
        raise ValueError(f"{len(colours)} regions, expected the background and an object")
    return colours
