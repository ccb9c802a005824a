"""Two frames of a random scene, so that flow can be estimated as it is of video: with that estimator's own errors.

Estimating takes seconds a scene, so fields are made once, a file each (:func:`write`), and read by training
(:class:`Source`).
"""

import math
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vosmem.demo.noise import band, edge, fractal, ramp
from vosmem.errors import UserError
from vosmem.motion.scene import ORDER, PARTS, SLOTS, STILL, random_scene
from vosmem.whole import replacing

MARGIN = 0.25  # of the frame's width, how far pictures go on beyond it on each side: what comes into sight is there
SEARCH = 6  # steps in which the point is found that moves to a pixel

FINER = 4  # how many times as large as a field the frames are: 464x848 for one of 116x212, about a working frame

# Two frames (H, W, 3) uint8 BGR -> flow from the first to the second and back, (2, 2, h, w) in pixels of h x w cells.
Estimate = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Pair:
    """``frames``: (2, H, W, 3) uint8 BGR; ``moving``: (2, H, W) bool, what moves by itself in each of them."""

    frames: np.ndarray
    moving: np.ndarray


def pair(height: int, width: int, seed: int) -> Pair:
    """Render one random scene, before and after it moved. The same seed gives the same frames."""
    scene, rng = random_scene(1, height, width, seed), np.random.default_rng([seed, 0xF0])
    margin = round(MARGIN * width)
    kinds = _kinds(rng)
    y, x = torch.meshgrid(torch.arange(float(height)), torch.arange(float(width)), indexing="ij")
    here = torch.stack([x, y])  # (2, H, W): the pixel itself
    first = second = torch.zeros(3, height, width)
    moving = torch.zeros(2, height, width, dtype=torch.bool)
    for surface in ORDER:
        outline = scene.outline[:, surface]  # (1, H, W)
        if not outline.any():
            continue
        picture = _picture(rng, (height + 2 * margin, width + 2 * margin), kinds[surface])  # (3, H', W')
        origin = _origin(scene.only(surface).flow()[0], here)  # (2, H, W)
        before, after = (_sample(outline.float(), at)[0] for at in (here, origin))  # (H, W) each, 0..1
        first = torch.lerp(first, _sample(picture, here + margin), before)
        second = torch.lerp(second, _sample(picture, origin + margin), after)
        for t, cover in enumerate((before, after)):
            moving[t][cover > 0.5] = scene.moving[0, surface]
    frames = [_filmed(rng, frame.numpy()) for frame in _lit(rng, first, second)]
    return Pair(np.stack(frames), moving.numpy())


def write(path: Path, seed: int, size: tuple[int, int], estimates: Mapping[str, Estimate]) -> None:
    """Render one scene and write what each estimator makes of it, NumPy's ``.npz``.

    ``size``: (H, W) of the fields. For each estimator by its name the flow from the first frame to the second and back,
    (2, 2, H, W) float16 in pixels of the field; ``moving``: the share of each cell that moves by itself, in the first
    frame and in the second, (2, H, W) float16.
    """
    height, width = size
    rendered = pair(height * FINER, width * FINER, seed)
    arrays = {"moving": F.avg_pool2d(torch.from_numpy(rendered.moving)[:, None].float(), FINER)[:, 0]}
    for name, estimate in estimates.items():
        flow = torch.from_numpy(np.asarray(estimate(*rendered.frames), np.float32))  # (2, 2, h, w)
        arrays[name] = F.interpolate(flow, size=size, mode="area") * (width / flow.shape[3])
    with replacing(path) as temporary:
        np.savez(temporary, **{name: array.half().numpy() for name, array in arrays.items()})


@dataclass(frozen=True)
class Source:
    """Batches for training out of files that :func:`write` wrote: every one once an epoch, in the seed's order."""

    files: Sequence[Path]
    seed: int

    @classmethod
    def of(cls, folder: str | os.PathLike, seed: int) -> "Source":
        """Raises UserError where the folder has no such file."""
        files = sorted(Path(folder).glob("*.npz"))
        if not files:
            raise UserError(f"{folder}: holds no fields; make them: vosmem motion render -o {folder}")
        return cls(files, seed)

    def batch(self, step: int, n: int, device: torch.device) -> tuple[Tensor, Tensor]:
        """Flow (n, 2, H, W) in pixels of the field, and the share of each cell that moves, (n, 1, H, W), both float32.

        Of each file one estimator's flow, forward or backward, mirrored or not either way. Depends on nothing but
        files, seed and step.
        """
        rng = np.random.default_rng([self.seed, 1 << 33, step])
        fields, labels = [], []
        for position in range(step * n, (step + 1) * n):
            order = np.random.default_rng([self.seed, position // len(self.files)]).permutation(len(self.files))
            flow, moving = _one(self.files[order[position % len(self.files)]], rng)
            fields.append(flow)
            labels.append(moving)
        return tuple(torch.from_numpy(np.stack(a)).float().to(device) for a in (fields, labels))


def _one(path: Path, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A field (2, H, W) of a file, drawn at random and mirrored, and what moves there, (1, H, W)."""
    way, left, up = rng.integers(2), rng.random() < 0.5, rng.random() < 0.5
    try:
        with np.load(path) as file:
            names = [name for name in file.files if name != "moving"]
            flow, moving = file[names[rng.integers(len(names))]][way].copy(), file["moving"][way][None]
        if flow.shape[1:] != moving.shape[1:] or flow.shape[0] != 2:
            raise ValueError(f"flow is {flow.shape}, moving {moving.shape}")
    except (OSError, EOFError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: holds no fields ({error}); delete it and run vosmem motion render again") from None
    for mirrored, axis, component in ((left, 2, 0), (up, 1, 1)):
        if mirrored:
            flow, moving = np.flip(flow, axis), np.flip(moving, axis)
            flow[component] *= -1
    return flow, moving


def _origin(flow: Tensor, here: Tensor) -> Tensor:
    """Where that lay which ``flow`` (2, H, W) brings to each pixel: (2, H, W). By x = y - flow(x), from x = y on."""
    at = here
    for _ in range(SEARCH):
        at = here - _sample(flow, at)
    return at


def _sample(field: Tensor, at: Tensor) -> Tensor:
    """``field`` (C, h, w) at the points ``at`` (2, H, W), x and y in its pixels; bilinear, the edge's value beyond."""
    _, height, width = field.shape
    x, y = at
    where = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)[None]  # (1, H, W, 2)
    return F.grid_sample(field[None], where, padding_mode="border", align_corners=True)[0]


def _kinds(rng: np.random.Generator) -> list[dict]:
    """How each surface looks: an object's parts alike, some things hardly told from the background."""
    kinds = [_kind(rng)]
    for _ in range(STILL):
        kinds.append(kinds[0] if rng.random() < 0.3 else _kind(rng))
    while len(kinds) < SLOTS:
        kinds += [kinds[0] if rng.random() < 0.1 else _kind(rng)] * PARTS
    return kinds


def _kind(rng: np.random.Generator) -> dict:
    """One look: its colours, how rough it is, which way it is drawn out, how much of it is plain, its pattern."""
    middle = rng.uniform(40, 200) + rng.normal(0, 25, 3)
    contrast = 10 ** rng.uniform(0.8, 1.8)
    colours = middle + contrast * (rng.normal(0, 1, (4, 1)) + rng.normal(0, 0.4, (4, 3)))  # (4, 3): light, then hue
    return {
        "colours": np.clip(colours, 0, 255),
        "slope": rng.uniform(0.5, 1.8),
        "stretch": math.exp(rng.normal(0, 0.6)),
        "plain": rng.choice([0.0, 0.0, 0.0, 0.7, 1.0]),
        "pattern": 10 ** rng.uniform(0.9, 1.7) if rng.random() < 0.25 else 0.0,  # wavelength in pixels, 0 for none
    }


def _picture(rng: np.random.Generator, shape: tuple[int, int], kind: dict) -> Tensor:
    """(3, h, w) float32, 0..255."""
    field = fractal(rng, shape, kind["slope"], kind["stretch"])
    if kind["pattern"]:
        field = 0.5 * field + band(rng, shape, kind["pattern"], 0.15, angle=rng.uniform(0, math.pi))
    if kind["plain"]:  # regions with nothing to hold on to, as sky, walls and water have
        field = field * (1 - kind["plain"] * edge(fractal(rng, shape, 2.0), 0.3, 0.2))
    return torch.from_numpy(ramp(field, kind["colours"]).transpose(2, 0, 1))


def _lit(rng: np.random.Generator, first: Tensor, second: Tensor) -> list[Tensor]:
    """Light that changes a little between the frames, over all of them and from place to place."""
    slow = torch.from_numpy(fractal(rng, first.shape[1:], 2.5)) * 0.02
    return [first, second * (1 + rng.normal(0, 0.02) + slow * rng.random()) + rng.normal(0, 1.5)]


def _filmed(rng: np.random.Generator, frame: np.ndarray) -> np.ndarray:
    """(3, H, W) 0..255 as a camera has it: (H, W, 3) uint8, a little soft, with noise."""
    soft = F.avg_pool2d(F.pad(torch.from_numpy(frame)[None], (1, 1, 1, 1), mode="replicate"), 3, 1)[0].numpy()
    mixed = frame + (soft - frame) * rng.uniform(0.2, 1)
    noise = rng.normal(0, rng.uniform(0.5, 4), mixed.shape)
    return np.clip(mixed + noise, 0, 255).round().astype(np.uint8).transpose(1, 2, 0)
