"""Layout of YouTube-Objects with the masks of Jain and Grauman (ECCV 2014), which come as an archive of their own.

Frames, of the first version of the data set: ``<class>/data/<video>/shots/<shot>/frame0001.jpg`` ... Masks, of every
tenth frame: ``<class>/data/<video>/shots/<shot>/labels/00001.jpg`` ..., white on black; JPEG, so that neither is pure.
A sequence is called ``<class>-<video>-<shot>``, as aeroplane-0001-001, and reaches from its first to its last annotated
frame.
"""

from __future__ import annotations

from pathlib import Path

from vosmem.data.files import SequenceFiles, folders, images, number


def names(root: Path, masks: Path | None) -> list[str]:
    """The shots that have masks; where there are none at all, every shot."""
    shots = _shots(masks or root)
    return [name for name in shots if (_shot(masks or root, name) / "labels").is_dir()] or _shots(root)


def files(root: Path, masks: Path | None, sequence: str) -> SequenceFiles:
    """What there is of a sequence."""
    shot, labels = _shot(root, sequence), _shot(masks or root, sequence) / "labels"
    frames = images(shot) or images(shot / "images")
    annotated = {number(path): path for path in images(labels)}
    if annotated:
        known = [n for n in annotated if n is not None]
        frames = [path for path in frames if min(known, default=0) <= (number(path) or 0) <= max(known, default=0)]
    numbered = {number(path): path.stem for path in frames}
    found = {numbered.get(n, path.stem): (path,) for n, path in annotated.items()}
    return SequenceFiles(shot, frames, labels, found, convert=True)


def _shots(root: Path) -> list[str]:
    return [
        f"{kind}-{video}-{shot}"
        for kind in folders(root)
        for video in folders(root / kind / "data")
        for shot in folders(root / kind / "data" / video / "shots")
    ]


def _shot(root: Path, sequence: str) -> Path:
    kind, video, shot = [*sequence.rsplit("-", 2), "", ""][:3]
    return root / kind / "data" / video / "shots" / shot
