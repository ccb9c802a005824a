"""Writing the demo set: frames, masks, true flow and lists in DAVIS layout, moved into place whole."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from vosmem.demo import SEQUENCES, STAGE_VERSION
from vosmem.demo.ours import MARKER, check_ours
from vosmem.demo.raster import repeatably, write_jpeg, write_png
from vosmem.demo.scene import Scene
from vosmem.demo.sequences import build_scene
from vosmem.errors import UserError

RESOLUTION = "480p"  # the name that DAVIS gives the folder, whatever the size


def write_folder(
    root: Path,
    seed: int,
    sequences: Iterable[str] | None,
    size: tuple[int, int],
    frames: int,
    progress: Callable[[str], None] = lambda line: None,
) -> Path:
    """What ``vosmem.demo.render`` says; ``progress`` gets a line per sequence."""
    names = _checked(seed, sequences, size, frames)
    check_ours(root)
    root.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{root.name}-", dir=root.parent))
    try:
        made = work / "new"
        for number, name in enumerate(names, 1):
            progress(f"demo: {name} ({SEQUENCES[name]}), {number} of {len(names)}")
            with repeatably():
                _write_sequence(made, name, seed, size, frames)
        _write_lists(made, names, frames)
        about = {"made_by": "vosmem demo", "version": STAGE_VERSION, "seed": seed, "size": list(size), "frames": frames}
        (made / MARKER).write_text(json.dumps({**about, "sequences": names}, indent=2) + "\n")
        check_ours(root)  # again, for rendering took a while
        if root.exists():
            os.replace(root, work / "old")
        os.replace(made, root)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return root


def draw_sequence(
    scene: Scene, size: tuple[int, int], frames: int, rng: np.random.Generator | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All frames of a scene.

    Output: frames (T, H, W, 3) uint8 RGB, with the noise of a sensor unless ``rng`` is None; owners (T, H, W) uint8,
    the index of the layer that each pixel shows; true flow (T - 1, 2, H, W) float16, px.
    """
    moments = [t / (frames - 1) for t in range(frames)]
    pictures, owners, flows = [], [], []
    for t, moment in enumerate(moments):
        picture, owner = scene.paint(moment, size)  # (H, W, 3), (H, W)
        if rng is not None:
            picture = picture + 1.9 * rng.standard_normal((*size, 1), np.float32)  # the same in all colours
            picture = picture + 0.8 * rng.standard_normal((*size, 3), np.float32)
        pictures.append(np.clip(np.round(picture), 0, 255).astype(np.uint8))
        owners.append(owner)
        if t + 1 < frames:
            flows.append(scene.flow(owner, moment, moments[t + 1]).astype(np.float16))
    return np.stack(pictures), np.stack(owners), np.stack(flows)


def _write_sequence(root: Path, name: str, seed: int, size: tuple[int, int], frames: int) -> None:
    scene = build_scene(name, seed)
    noise = np.random.default_rng([seed, list(SEQUENCES).index(name), 1])
    pictures, owners, flow = draw_sequence(scene, size, frames, noise)
    images, masks = (root / part / RESOLUTION / name for part in ("JPEGImages", "Annotations"))
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    for t in range(frames):
        write_jpeg(images / f"{t:05d}.jpg", pictures[t])
        write_png(masks / f"{t:05d}.png", (owners[t] == scene.target).astype(np.uint8) * 255)
    (root / "Flow" / RESOLUTION).mkdir(parents=True, exist_ok=True)
    _write_npz(root / "Flow" / RESOLUTION / f"{name}.npz", "forward", flow)


def _write_npz(path: Path, name: str, array: np.ndarray) -> None:
    """One array as numpy reads it back; unlike ``savez_compressed``, quick, and the same bytes each time."""
    entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        entry._compresslevel = 1  # a ZipInfo of one's own does not take the archive's
        with archive.open(entry, "w", force_zip64=True) as stream:
            np.lib.format.write_array(stream, np.ascontiguousarray(array), allow_pickle=False)


def _write_lists(root: Path, names: list[str], frames: int) -> None:
    """ImageSets as DAVIS-2016 has them: a line per frame with the paths of image and annotation."""
    folder = root / "ImageSets" / RESOLUTION
    folder.mkdir(parents=True)
    for split in ("train", "val"):
        lines = [
            f"/JPEGImages/{RESOLUTION}/{name}/{t:05d}.jpg /Annotations/{RESOLUTION}/{name}/{t:05d}.png\n"
            for name in names
            if SEQUENCES[name] == split
            for t in range(frames)
        ]
        (folder / f"{split}.txt").write_text("".join(lines))


def _checked(seed: int, sequences: Iterable[str] | None, size: tuple[int, int], frames: int) -> list[str]:
    """The names to render, in the order of ``SEQUENCES``; raises UserError for what cannot be rendered."""
    asked = list(SEQUENCES) if sequences is None else list(sequences)
    unknown = [name for name in asked if name not in SEQUENCES]
    if unknown or not asked:
        raise UserError(f"demo: no sequence named {', '.join(unknown) or 'at all'}; choose from {', '.join(SEQUENCES)}")
    if seed < 0:
        raise UserError(f"demo: the seed is {seed}; give a whole number from 0 upwards")
    if frames < 2:
        raise UserError(f"demo: {frames} frames per sequence; flow needs at least 2")
    if min(size) < 32:
        raise UserError(f"demo: a frame of {size[0]} x {size[1]} pixels; each side must have at least 32")
    return [name for name in SEQUENCES if name in asked]
