"""What the closer look is given by training: the weights of its sum, and the correction of that.

Both are learned from windows whose masks are known (:mod:`vosmem.refine.lessons`); all networks below stay frozen.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vosmem.data import describe
from vosmem.refine import correction, zoom
from vosmem.refine.correction import LAYERS, Correction, cues_of
from vosmem.refine.lessons import Lesson, Video, apart, watch
from vosmem.refine.look import eye

STEPS, BATCH, CROP = 1000, 2, 160  # a crop has so many cells to each side, of a window's 320
RATE, DECAY, DROPOUT = 2e-3, 1e-2, 0.2
SMOOTH = 50.0  # cells that are added to both sides of the Jaccard index: a crop may show no object
COUNTS = 0.05  # windows that count less than this teach nothing
RIDGE = 1e-3  # of the squares of the sum's weights


def run(
    descriptions: Sequence[Path], cells: Path, flow: Path | None, appearance: Sequence[Path], look: Path,
    settings: Mapping[str, Any], device: torch.device, out: Path,
) -> int:  # fmt: skip
    """Fit the sum's weights to these sequences, train its correction on them, and write both to ``out``.

    ``cells``, ``flow``, each of ``appearance``: folders of the sequences' probability, flow and feature files,
    <sequence>.h5; ``look``: the weights of its network; ``settings``: the config's section `refine`. Where nothing can
    be learned, since no window has a mask and counts, the file says what the settings do, and corrects nothing.
    Returns the number of windows.
    """
    sequences = [describe.read(path) for path in descriptions]
    step = apart([len(sequence.frames) for sequence in sequences])
    network = settings["zoom"]["network"]
    see, videos = eye(network, look, device, LAYERS), []
    for path, sequence in zip(descriptions, sequences, strict=True):
        file = f"{sequence.name}.h5"
        features = [folder / file for folder in appearance]
        videos.append(watch(path, cells / file, flow / file if flow else None, features, settings, see, step))
    lessons = [video.lessons() for video in videos]
    if any(one.share >= COUNTS for windows in lessons for one in windows):
        weights = fit(videos)
        model = train(lessons, weights)
    else:
        weights, model = correction.sum_of(settings["zoom"], None), Correction()
        print("vosmem: no window of these sequences has a mask and counts, so the look learns nothing", file=sys.stderr)
    correction.save(out, model, network, [sequence.name for sequence in sequences], weights)
    return sum(map(len, lessons))


def fit(videos: Sequence[Video]) -> np.ndarray:
    """The sum's weights, (8,) float32, see :func:`vosmem.refine.zoom.fused`. Each video counts alike.

    Those of the least cross-entropy and one minus the soft Jaccard index of what the fusion makes of the windows.
    """
    weights = torch.tensor([1.0] + 7 * [0.0], requires_grad=True)
    descent = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")
    samples = [[(torch.from_numpy(x), torch.from_numpy(y), share) for x, y, share in v.samples()] for v in videos]

    def loss() -> Tensor:
        descent.zero_grad()
        total = RIDGE * (weights**2).sum()
        for rows in samples:
            for x, y, share in rows:
                z = share * (x @ weights) + (1 - share) * x[:, 0]
                both = torch.sigmoid(z) * y
                jaccard = (both.sum() + 1) / ((torch.sigmoid(z) + y - both).sum() + 1)
                total = total + (F.binary_cross_entropy_with_logits(z, y) + 1 - jaccard) / len(rows) / len(samples)
        total.backward()
        return total

    descent.step(loss)
    return weights.detach().numpy()


def train(videos: Sequence[Sequence[Lesson]], weights: np.ndarray, steps: int = STEPS, seed: int = 0) -> Correction:
    """A correction of the sum by ``weights``, (8,). Each video counts alike, whatever its length.

    Cross-entropy and one minus the soft Jaccard index of what the fusion makes of crops, by AdamW with a rate that
    rises over a tenth of the steps and then falls to nothing.
    """
    videos = [kept for lessons in videos if (kept := [one for one in lessons if one.share >= COUNTS])]
    draw = np.random.default_rng(seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Correction().to(memory_format=torch.channels_last)
        standardise(model, [one.maps for lessons in videos for one in lessons])
        descent = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
        schedule = torch.optim.lr_scheduler.OneCycleLR(descent, RATE, steps, pct_start=0.1)
        for _ in range(steps):
            crops = []
            for _ in range(BATCH):
                lessons = videos[draw.integers(len(videos))]
                crops.append(_crop(lessons[draw.integers(len(lessons))], weights, draw))
            value = loss(model, *(torch.stack(rows) for rows in zip(*crops, strict=True)))
            descent.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            descent.step()
            schedule.step()
    return model.eval()


def standardise(model: Correction, windows: Sequence[Sequence[np.ndarray]]) -> None:
    """Give ``model`` the moments of the channels of ``windows``, each the maps of `correction.LAYERS`."""
    moments = []
    for i in range(len(LAYERS)):
        cells = np.concatenate([maps[i][:, ::16, ::16].reshape(len(maps[i]), -1) for maps in windows], 1)
        cells = cells.astype(np.float64)
        moments.append((cells.mean(1), cells.std(1) + 1e-3))
    for buffer, rows in zip((model.mean, model.deviation), zip(*moments, strict=True), strict=True):
        buffer.copy_(torch.from_numpy(np.concatenate(rows)))


def loss(
    model: Correction, fine: Tensor, coarse: Tensor, cues: Tensor, sums: Tensor, found: Tensor, truth: Tensor,
    share: Tensor,
) -> Tensor:  # fmt: skip
    """Of crops as :func:`_crop` makes them, with a first axis of N."""
    corrected = sums + model(fine, coarse, cues, DROPOUT)
    share = share[:, None, None]
    logits = share * corrected + (1 - share) * found
    probability = torch.sigmoid(logits)
    both = (probability * truth).sum((1, 2)) + SMOOTH
    either = (probability + truth - probability * truth).sum((1, 2)) + SMOOTH
    return F.binary_cross_entropy_with_logits(logits, truth) + (1 - both / either).mean()


def _crop(one: Lesson, weights: np.ndarray, draw: np.random.Generator) -> tuple[Tensor, ...]:
    """A square of a window, mirrored or not: both maps, the cues, the sum, the first pass's logits, truth and share."""
    height, width = one.logits.shape
    top, left = (
        2 * draw.integers(0, max(0, n - CROP) // 2 + 1) for n in (height, width)
    )  # the coarse map's cells are two
    whole = slice(top, top + CROP), slice(left, left + CROP)
    half = slice(top // 2, (top + CROP) // 2), slice(left // 2, (left + CROP) // 2)
    found, sides = one.logits[whole], zoom.clear(one.sides[:, *whole])
    sums = weights[0] * found + np.tensordot(weights[1:7], sides, 1) + weights[7]
    fine, coarse = one.maps
    rows = [fine[:, *whole], coarse[:, *half], cues_of(found, sides), sums, found, one.truth[whole]]
    mirrored = draw.random() < 0.5
    tensors = [torch.from_numpy(r[..., :: -1 if mirrored else 1].astype(np.float32)) for r in rows]
    return *tensors, torch.tensor(one.share, dtype=torch.float32)
