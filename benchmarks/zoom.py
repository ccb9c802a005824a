"""The weights of the closer look (`refine.zoom.weights`), fitted to cross-validated predictions, and their worth.

    snakemake --configfile config/davis2016-folds.yaml
    python -m benchmarks.zoom results/davis2016-train lvo config/splits/davis2016-folds.tsv

Every ``--step``-th frame is looked at. For each fold the weights are fitted on the other folds' sequences, whose
predictions are by weights that were not trained on them either; J and F are of the masks that method `zoom` makes with
these weights, and with those of the configuration, against `bilateral`. The last line before the figure fits all.
"""

from __future__ import annotations

import argparse
import csv
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vosmem import cache, config, parse, video
from vosmem.data import describe
from vosmem.evaluate import bootstrap, measures
from vosmem.grid import Grid, resample
from vosmem.refine import stage, zoom
from vosmem.refine.look import look_by
from vosmem.refine.methods import probability
from vosmem.weights.fetch import fetch

THINNED = 11  # of a window's cells every eleventh is fitted to
RIDGE = 1e-3  # weight of the squares of the weights


@dataclass
class Frame:
    """A frame that was looked at, and what is right: its mask, and that on the fine grid."""

    seen: zoom.Seen
    mask: np.ndarray  # (H', W') bool
    share: float = 0.0


@dataclass
class Video:
    """The frames of a sequence that were looked at."""

    sequence: describe.Sequence
    grid: Grid
    frames: list[Frame]

    def samples(self) -> list[tuple[Tensor, Tensor, float]]:
        """Of each frame with a window (n, 8) inputs, (n,) shares of object, and how much the look counts."""
        size = self.sequence.working_size
        fine, found = zoom.fine_grid(size), []
        for frame in self.frames:
            if frame.seen.window is None:
                continue
            inputs, inside = zoom.evidence(frame.seen, self.grid, fine)
            truth = resample(frame.mask.astype(np.float32), Grid.of_image(frame.mask.shape, size), fine, "area")[inside]
            x, y = (torch.from_numpy(a.reshape(n, -1)[:, ::THINNED].copy()) for a, n in ((inputs, 8), (truth, 1)))
            found.append((x.T.contiguous(), y[0], frame.share))
        return found


def watch(results: Path, model: str, name: str, settings: dict, look: zoom.Look, step: int) -> Video:
    """Look at a sequence."""
    sequence = describe.read(results / "data" / f"{name}.json")
    size, keys = sequence.working_size, settings["zoom"]
    (flow,) = sorted(results.glob(f"flow/*/{name}.h5"))[:1]
    with cache.read(results / "memory" / model / f"{name}.h5", "memory") as file:
        grid = file.grid("probability")
        maps = dict(stage.maps(file, flow, settings["temporal"], results))
    windows = zoom.windows(np.stack([zoom.extent(maps[t], grid) for t in sorted(maps)]), size, keys["margin"])
    frames = []
    for t in range(step // 2, len(maps), step):
        window, path = windows[t], sequence.mask_paths[t]
        sides = None if window is None else look(stage.working_frame(sequence, t)[window])
        if path is not None:
            frames.append(Frame(zoom.Seen(t, maps[t], window, sides), video.read_mask(path)))
    known = np.array([zoom.agreed(frame.seen, grid) for frame in frames])
    for i, frame in enumerate(frames):
        reach = zoom.NEAR // step
        near = known[max(0, i - reach) : i + reach + 1]
        mean = float(np.nanmean(near)) if not np.isnan(near).all() else 0.0
        frame.share = zoom.counts(mean, keys["agreement"])
    return Video(sequence, grid, frames)


def fit(videos: list[list[tuple[Tensor, Tensor, float]]]) -> np.ndarray:
    """The weights, (8,): cross-entropy and one minus the soft Jaccard index, every video counting alike."""
    weights = torch.tensor([1.0] + 7 * [0.0], requires_grad=True)
    descent = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        descent.zero_grad()
        total = RIDGE * (weights**2).sum()
        for video_ in videos:
            for x, y, share in video_:
                z = share * (x @ weights) + (1 - share) * x[:, 0]
                both = torch.sigmoid(z) * y
                jaccard = (both.sum() + 1) / ((torch.sigmoid(z) + y - both).sum() + 1)
                total = total + (F.binary_cross_entropy_with_logits(z, y) + 1 - jaccard) / len(video_) / len(videos)
        total.backward()
        return total

    descent.step(loss)
    return weights.detach().numpy()


def scores(watched: Video, settings: dict, weights: np.ndarray | None) -> np.ndarray:
    """J and F in percent, means over the frames: of the masks by zoom, by bilateral where there are no weights."""
    size, found = watched.sequence.working_size, []
    fine, finish = zoom.fine_grid(size), {k: v for k, v in settings["zoom"].items() if k not in zoom.KEYS}
    for frame in watched.frames:
        pixels = Grid.of_image(frame.mask.shape, size)
        cells, grid, method, keys = frame.seen.cells, watched.grid, "bilateral", settings["bilateral"]
        if weights is not None:
            cells, grid, method, keys = zoom.fused(frame.seen, grid, size, weights, frame.share), fine, "zoom", finish
        looked_at = stage.working_frame(watched.sequence, frame.seen.t)
        refined = probability(method, cells, grid, pixels, lambda looked_at=looked_at: looked_at, keys)
        mask = refined > settings["threshold"]
        found.append([f(mask, frame.mask) for f in (measures.region_similarity, measures.contour_accuracy)])
    return 100 * np.mean(found, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results/<data set> of a cross-validated run")
    parser.add_argument("model")
    parser.add_argument("folds", type=Path, help="the table of its folds")
    parser.add_argument("--step", type=int, default=8, help="look at every so many frames (default: %(default)s)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    settings = config.resolve(parse.yaml_file(args.results / "config.yaml"))["refine"]
    with open(args.folds, newline="", encoding="utf-8") as file:
        folds = {row["sequence"]: row["fold"] for row in csv.DictReader(file, delimiter="\t")}
    look, videos = look_by(fetch(zoom.NETWORK), torch.device("cpu")), {}
    for name in folds:
        videos[name] = watch(args.results, args.model, name, settings, look, args.step)
        print(f"looked at {name}", file=sys.stderr)
    samples = {name: watched.samples() for name, watched in videos.items()}
    fitted = {f: fit([samples[n] for n in folds if folds[n] != f]) for f in sorted(set(folds.values()))}
    given = np.asarray(settings["zoom"]["weights"], np.float32)
    rows = np.stack([
        np.concatenate([scores(w, settings, weights) for weights in (None, fitted[folds[n]], given)])
        for n, w in videos.items()
    ])  # fmt: skip
    print("| sequence | J, bilateral | F | J, weights of the other folds | F | J, weights as configured | F |")
    print("|---|---|---|---|---|---|---|")
    for name, row in [*zip(videos, rows, strict=True), ("mean", rows.mean(0))]:
        print(f"| {name} | {' | '.join(f'{value:.1f}' for value in row)} |")
    for title, at in (("of the other folds", 2), ("as configured", 4)):
        told = [f"{m} {bootstrap.told(rows[:, at + i] - rows[:, i])}" for i, m in enumerate("JF")]
        print(f"\nweights {title}, to bilateral: {', '.join(told)}")
    every = fit(list(samples.values()))
    for told_of, found in [*((f"without fold {f}", w) for f, w in fitted.items()), ("fitted to all", every)]:
        print(f"weights {told_of}: [{', '.join(f'{w:.2f}' for w in found)}]")
    print(f"\nzoom: J {rows[:, 2].mean():.1f}, F {rows[:, 3].mean():.1f} out of fold")


if __name__ == "__main__":
    main()
