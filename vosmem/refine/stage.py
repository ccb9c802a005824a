"""Probability file to a folder of masks, moved into place whole, and a JSON that names and hashes them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np

from vosmem import cache, video
from vosmem.data import describe
from vosmem.grid import Grid
from vosmem.refine import STAGE_VERSION
from vosmem.refine.methods import METHODS


def run(description: Path, probability: Path, out: Path, method: str, threshold: float) -> int:
    """Write the masks of one sequence to the folder ``out`` without its suffix, and what was written to ``out`` (JSON).

    The folder appears whole or not at all, and before the JSON. Returns the number of frames.
    """
    sequence = describe.read(description)
    folder = out.with_suffix("")
    fresh = folder.with_name(f".{folder.name}.{os.getpid()}.part")
    pixels = Grid.of_image(sequence.size, sequence.working_size)
    refine = METHODS[method]
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    hashes = {}
    try:
        with cache.read(probability, "memory") as file:
            grid = file.grid("probability")
            for t, name in enumerate(sequence.frame_names):
                rows = file.rows("probability", t, t + 1)[0].astype(np.float32)  # (h, w)
                path = fresh / f"{name}.png"
                video.write_mask(path, refine(rows, grid, pixels, threshold))
                hashes[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    told = {
        "stage": "refine",
        "version": STAGE_VERSION,
        "sequence": sequence.name,
        "method": method,
        "threshold": threshold,
        "masks": hashes,
    }
    with cache.replacing(out) as temporary:
        temporary.write_text(json.dumps(told, indent=1) + "\n")
    return len(hashes)
