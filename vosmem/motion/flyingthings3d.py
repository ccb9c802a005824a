"""FlyingThings3D: exact flow, and from it what moves independently of the camera (Mayer et al., CVPR 2016).

The data set (https://lmb.informatik.uni-freiburg.de/resources/datasets/SceneFlowDatasets.en.html) has no such labels.
They follow from its files: disparity and camera tell the flow that every pixel would have were the world rigid. Where
the true flow differs from that, or the true change of disparity, which sees what comes straight closer, by more than
``THRESHOLD``, the pixel moves; an object moves where most of its pixels do. Things that stand still get no label, nor
does the background. This definition is vosmem's own: MP-Net's authors do not give theirs to the letter.

``camera_data.txt`` has, of each frame, the matrices from the cameras to the world, row by row, in Blender's axes: x
right, y up, looking along -z. Images are 960 pixels wide with a focal length of 1050 and a baseline of 1.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vosmem.errors import UserError
from vosmem.motion import pfm

FOCAL, BASELINE = 1050 / 960, 1.0  # in widths of the image; in the units of the camera's matrices
THRESHOLD = 1 / 960  # in widths of the image: a pixel of the data set's own size
LEAST_DEPTH = 0.01  # of what it was: closer than that, or behind the camera, a point's flow tells nothing
SHRINK = 2  # fields are brought to 270x480, about the 232x424 at which the network runs


@dataclass(frozen=True)
class Pair:
    """A frame and the next one, of one camera: the files."""

    flow: Path
    disparity: Path
    change: Path
    objects: Path
    camera: Path
    frame: int


def pairs(root: str | os.PathLike, split: str = "TRAIN") -> list[Pair]:
    """The left camera's pairs of neighbouring frames whose cameras both are known, in order.

    The last frame of a sequence has a flow into the future and no camera there. Raises UserError where there is none.
    """
    root = Path(root)
    found = []
    for path in sorted(root.glob(f"optical_flow/{split}/*/*/into_future/left/OpticalFlowIntoFuture_*_L.pfm")):
        name = path.stem.split("_")[1]
        sequence = path.parents[2].relative_to(root / "optical_flow")  # TRAIN/A/0000
        camera = root / "camera_data" / sequence / "camera_data.txt"
        if name.isdecimal() and int(name) + 1 in cameras(camera):
            found.append(
                Pair(
                    path,
                    root / "disparity" / sequence / "left" / f"{name}.pfm",
                    root / "disparity_change" / sequence / "into_future/left" / f"{name}.pfm",
                    root / "object_index" / sequence / "left" / f"{name}.pfm",
                    camera,
                    int(name),
                )
            )
    if not found:
        raise UserError(
            f"{root}: no optical_flow/{split}/<A>/<0000>/into_future/left/OpticalFlowIntoFuture_<0006>_L.pfm with "
            "camera_data; give the folder that FlyingThings3D's archives were unpacked to"
        )
    return found


@cache
def cameras(path: Path) -> dict[int, np.ndarray]:
    """The left camera of each frame, from it to the world: (4, 4) float64. Raises UserError for another file."""
    try:
        lines = path.read_text().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({type(error).__name__})") from None
    found, frame = {}, None
    for number, line in enumerate(lines, 1):
        words = line.split()
        if re.fullmatch(r"Frame \d+", line.strip()):
            frame = int(words[1])
        elif words[:1] == ["L"]:
            try:
                found[frame] = np.array(words[1:], np.float64).reshape(4, 4)
            except ValueError:
                raise UserError(f"{path}, line {number}: expected L and 16 numbers") from None
            if frame is None or abs(np.linalg.det(found[frame])) < 1e-9:
                raise UserError(f"{path}, line {number}: expected `Frame N`, then a camera's matrix")
    return found


def rigid(disparity: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What flow and disparity a rigid world would have.

    ``disparity``: (H, W) in pixels; ``before``, ``after``: (4, 4), the cameras to the world. Returns (3, H, W) float64
    in pixels: u, v, and the change of disparity; NaN where a point comes to lie behind the camera.
    """
    height, width = disparity.shape
    focal = FOCAL * width
    x, y = np.arange(width) - (width - 1) / 2, np.arange(height)[:, None] - (height - 1) / 2
    # A point divided by its depth, so that disparity may be 0: (x, -y, -f) / f, and in the fourth row 1 / depth.
    ray = np.stack(
        np.broadcast_arrays(x / focal, -y / focal, -1.0, np.abs(disparity) / (focal * BASELINE))
    )  # (4, H, W)
    seen = np.tensordot(np.linalg.inv(after) @ before, ray, 1)  # (4, H, W), in the next camera's axes
    depth = np.where(seen[2] < -LEAST_DEPTH, -seen[2], np.nan)  # over the depth that it was
    u, v = focal * seen[0] / depth - x, -focal * seen[1] / depth - y
    return np.stack([u, v, np.abs(disparity) / depth - np.abs(disparity)])


def moving(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """A pair's flow (2, H, W) float32 in pixels, and what moves independently of the camera, (H, W) bool.

    Where the change of disparity is not there, flow alone decides. Raises UserError for files that do not fit.
    """
    flow, disparity, objects = pfm.read(pair.flow), pfm.read(pair.disparity), pfm.read(pair.objects)
    maps = [disparity, objects]
    if with_change := pair.change.is_file():
        maps.append(pfm.read(pair.change))
    if flow.ndim != 3 or any(m.shape != flow.shape[:2] for m in maps):
        raise UserError(f"{pair.flow}: of shape {flow.shape}, but disparity and object index are {disparity.shape}")
    flow = np.ascontiguousarray(flow.transpose(2, 0, 1)[:2])  # (2, H, W); the third channel is empty
    known = cameras(pair.camera)
    still = rigid(disparity, known[pair.frame], known[pair.frame + 1])
    true = [*flow, maps[2] * np.sign(disparity)] if with_change else [*flow]
    away = sum((a - b) ** 2 for a, b in zip(true, still, strict=False)) ** 0.5  # (H, W) pixels
    return flow, vote(away > THRESHOLD * flow.shape[2], np.isfinite(away), objects)


def vote(moves: np.ndarray, known: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """What most of an object's pixels say of all of it. (H, W) each: bool, bool (which may vote), object numbers."""
    _, object_of = np.unique(objects, return_inverse=True)
    object_of = object_of.ravel()
    votes = np.bincount(object_of, known.ravel())
    found = np.bincount(object_of, (moves & known).ravel())
    return (2 * found > votes)[object_of].reshape(objects.shape)


@dataclass(frozen=True)
class Source:
    """Batches for training: every pair once an epoch, in an order that the seed decides.

    ``size``: (H, W) of the crops, of fields at half the data set's size; a whole field is encoded, then cropped.
    """

    pairs: Sequence[Pair]
    size: tuple[int, int]
    seed: int

    def chosen(self, step: int, n: int) -> list[Pair]:
        """The ``n`` pairs of a step. Depends on nothing but seed and step, so that a run can go on at any."""
        count, found = len(self.pairs), []
        for position in range(step * n, (step + 1) * n):
            order = np.random.default_rng([self.seed, position // count]).permutation(count)
            found.append(self.pairs[order[position % count]])
        return found

    def batch(self, step: int, n: int, encode, device: torch.device) -> tuple[Tensor, Tensor]:
        """Encoded crops (n, C, H, W) and the share that moves in each cell, (n, 1, H // 2, W // 2), both float32."""
        with ThreadPoolExecutor() as pool:
            read = list(pool.map(moving, self.chosen(step, n)))
        rng = np.random.default_rng([self.seed, 1 << 32, step])
        fields, labels = [], []
        for flow, label in read:
            flow = F.avg_pool2d(torch.from_numpy(flow), SHRINK)[None].to(device) / SHRINK  # (1, 2, h, w)
            label = F.avg_pool2d(torch.from_numpy(label).float()[None, None], SHRINK)  # (1, 1, h, w)
            (height, width), (h, w) = flow.shape[2:], self.size
            if height < h or width < w:
                raise UserError(f"--size: got {h} {w}, expected at most {height} {width}, half of the data set's")
            top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
            window = (..., slice(top, top + h), slice(left, left + w))
            fields.append(encode(flow)[window])
            labels.append(F.avg_pool2d(label[window], 2).to(device))
        return torch.cat(fields), torch.cat(labels)
