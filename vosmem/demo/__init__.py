"""The demo set: ten rendered video sequences with true masks and true flow, in DAVIS layout.

Every sequence shows one target, an animal with a patterned pelt that moves. Beside it stand still twins of the same
pelt and build, and things of other families (water, foliage, cloth, tumbleweed) move on their own, before a scene
with depth and a moving camera. So, by construction, appearance alone cannot tell the target from its twins, and
motion alone cannot tell it from what moves behind it: the target is what looks like an animal *and* moves in the
video. Train and val share the families and the difficulties, never a texture, a shape or a scene.

This module is cheap to import: it loads neither numpy nor OpenCV.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = ["SEQUENCES", "STAGE_VERSION", "render"]

#: Raised whenever the same seed renders other pixels.
STAGE_VERSION = 1

#: Name -> split, in the order in which they are rendered and listed. Each name says what its sequence shows.
SEQUENCES: dict[str, str] = {
    "stop-and-go": "train",
    "leaves-and-returns": "train",
    "twin-still": "train",
    "parallax": "train",
    "water": "train",
    "occlusion": "train",
    "stops-by-water": "val",
    "returns-past-twins": "val",
    "zoom-behind-trunks": "val",
    "roll-in-wind": "val",
}


def render(
    root: Path | str,
    seed: int = 0,
    sequences: Iterable[str] | None = None,
    size: tuple[int, int] = (240, 432),
    frames: int = 24,
) -> Path:
    """Render the demo set into ``root`` and return it as a Path.

    Args:
        root: folder to make. One that an earlier call made is replaced; any other that is not empty is left alone.
        seed: of textures, shapes and noise; what happens in a sequence does not depend on it.
        sequences: names out of ``SEQUENCES``, by default all of them.
        size: (H, W) in pixels, each at least 32. The field of view is that of 240 x 432 across the width.
        frames: frames per sequence, at least 2. Each sequence tells its whole story in that many.

    Writes ``{JPEGImages,Annotations}/480p/<seq>/<5 digits>.{jpg,png}`` (masks 8-bit, 0 and 255),
    ``ImageSets/480p/{train,val}.txt`` as DAVIS-2016 has them, and ``Flow/480p/<seq>.npz``, whose array ``forward`` is
    the true flow, (frames - 1, 2, H, W) float16, u right, v down, in pixels; row t is t -> t + 1, and it is given at
    hidden and leaving pixels too. The folder is moved into place whole.

    Raises:
        UserError: an unknown name, a size or number of frames that is too small, or a root that is not ours.
    """
    from vosmem.demo.folder import write_folder

    return write_folder(Path(root), seed, sequences, size, frames)
