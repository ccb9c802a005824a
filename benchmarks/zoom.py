"""The closer look's weights (`refine.zoom.weights`) and its correction, fitted to cross-validated predictions.

    snakemake --configfile config/davis2016-folds.yaml
    python -m benchmarks.zoom results/davis2016-train lvo config/splits/davis2016-folds.tsv --out corrections

Every ``--step``-th frame is looked at. For each fold the weights are fitted, and the correction trained, on the other
folds' sequences, whose predictions are by weights that were not trained on them either; J and F are of the masks that
method `zoom` makes with these, against `bilateral`. That is without `refine.zoom.mirrored`, and without
`refine.zoom.steady`, which needs every frame; for both, segment each fold with its own `refine.zoom.weights` and
`refine.zoom.correction`. With ``--out`` the folds'
corrections are written to that folder, and one that is trained on all, as vosmem ships it. Takes 7 GB of memory and
half an hour, most of it training.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from vosmem import cache, config, parse, video
from vosmem.data import describe
from vosmem.evaluate import bootstrap, measures
from vosmem.grid import Grid, resample
from vosmem.refine import correction, learn, stage, zoom
from vosmem.refine.look import SIDES, eye
from vosmem.refine.methods import probability
from vosmem.weights.fetch import fetch

THINNED = 11  # of a window's cells every eleventh is fitted to
RIDGE = 1e-3  # weight of the squares of the weights
ALL = ""  # the fold of none


@dataclass
class Frame:
    """A frame that was looked at, and what is right: its mask, and that on the fine grid."""

    seen: zoom.Seen
    mask: np.ndarray  # (H', W') bool
    maps: list[np.ndarray]  # of the decoder, float16; none where there is no window
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

    def lessons(self) -> list[learn.Lesson]:
        """Of each frame with a window what a correction learns from."""
        found = []
        for frame in self.frames:
            if frame.seen.window is not None:
                cells = zoom.covering(frame.seen.window, frame.seen.sides.shape[-2:])
                pixels = Grid.of_image(frame.mask.shape, self.sequence.working_size)
                truth = resample(frame.mask.astype(np.float32), pixels, cells, "area").astype(np.float16)
                logits = zoom.logits(frame.seen.cells, self.grid, cells)
                found.append(learn.Lesson(frame.maps, logits, frame.seen.sides, truth, frame.share))
        return found


def watch(
    results: Path, model: str, name: str, settings: dict, see: Callable[[np.ndarray], dict[str, np.ndarray]], step: int
) -> Video:
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
        if path is None:
            continue
        told = {} if window is None else see(stage.working_frame(sequence, t)[window])
        told = {layer: m.astype(np.float16) for layer, m in told.items()}
        views = [(told.pop(SIDES), None)] if told else []
        seen = zoom.Seen.of(t, maps[t], grid, window, views) if views else zoom.Seen(t, maps[t])
        frames.append(Frame(seen, video.read_mask(path), [told[layer] for layer in correction.LAYERS if told]))
    known = np.array([frame.seen.agreement for frame in frames])
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


def scores(
    watched: Video, settings: dict, weights: np.ndarray | None, corrected: correction.Correction | None = None
) -> np.ndarray:
    """J and F in percent, means over the frames: of the masks by zoom, by bilateral where there are no weights."""
    size, found = watched.sequence.working_size, []
    fine, finish = zoom.fine_grid(size), {key: settings["zoom"][key] for key in zoom.FINISH}
    for frame in watched.frames:
        pixels = Grid.of_image(frame.mask.shape, size)
        cells, grid, method, keys = frame.seen.cells, watched.grid, "bilateral", settings["bilateral"]
        if weights is not None:
            seen = corrected_by(corrected, frame, grid) if corrected and frame.maps else frame.seen
            cells, grid, method, keys = zoom.fused(seen, grid, size, weights, frame.share), fine, "zoom", finish
        looked_at = stage.working_frame(watched.sequence, frame.seen.t)
        refined = probability(method, cells, grid, pixels, lambda looked_at=looked_at: looked_at, keys)
        mask = refined > settings["threshold"]
        found.append([f(mask, frame.mask) for f in (measures.region_similarity, measures.contour_accuracy)])
    return 100 * np.mean(found, 0)


def corrected_by(model: correction.Correction, frame: Frame, grid: Grid) -> zoom.Seen:
    """What was seen in a frame, with its correction."""
    sides = frame.seen.sides
    logits = zoom.logits(frame.seen.cells, grid, zoom.covering(frame.seen.window, sides.shape[-2:]))
    given = [*frame.maps, correction.cues_of(logits, zoom.clear(sides))]
    with torch.inference_mode():
        added = model(*(torch.from_numpy(m.astype(np.float32))[None] for m in given))[0]
    return replace(frame.seen, correction=added.numpy())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results/<data set> of a cross-validated run")
    parser.add_argument("model")
    parser.add_argument("folds", type=Path, help="the table of its folds")
    parser.add_argument("--step", type=int, default=8, help="look at every so many frames (default: %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="write the corrections there")
    args = parser.parse_args()
    torch.set_num_threads(1)
    settings = config.resolve(parse.yaml_file(args.results / "config.yaml"))["refine"]
    with open(args.folds, newline="", encoding="utf-8") as file:
        folds = {row["sequence"]: row["fold"] for row in csv.DictReader(file, delimiter="\t")}
    see, videos = eye(fetch(zoom.NETWORK), torch.device("cpu"), correction.LAYERS), {}
    for name in folds:
        videos[name] = watch(args.results, args.model, name, settings, see, args.step)
        print(f"looked at {name}", file=sys.stderr)
    lessons, weights, corrections = {n: w.lessons() for n, w in videos.items()}, {}, {}
    for fold in [*sorted(set(folds.values())), ALL]:
        names = [name for name in folds if folds[name] != fold]
        weights[fold] = fit([videos[name].samples() for name in names])
        if fold != ALL or args.out:
            corrections[fold] = learn.train([lessons[name] for name in names], weights[fold])
            print(f"trained without {fold or 'none'}", file=sys.stderr)
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            told = {"trained_on": sorted(names), "weights": [round(float(w), 2) for w in weights[fold]]}
            correction.save(args.out / f"{fold or 'all'}.safetensors", corrections[fold], told)
    rows = np.stack([
        np.concatenate([
            scores(videos[name], settings, w, c)
            for w, c in ((None, None), (weights[folds[name]], None), (weights[folds[name]], corrections[folds[name]]))
        ])
        for name in folds
    ])  # fmt: skip
    print("| sequence | J, bilateral | F | J, zoom without correction | F | J, with it | F |")
    print("|---|---|---|---|---|---|---|")
    for name, row in [*zip(folds, rows, strict=True), ("mean", rows.mean(0))]:
        print(f"| {name} | {' | '.join(f'{value:.1f}' for value in row)} |")
    for title, at, to in (
        ("the sum to bilateral", 2, 0),
        ("its correction to the sum", 4, 2),
        ("both to bilateral", 4, 0),
    ):
        told = [f"{m} {bootstrap.told(rows[:, at + i] - rows[:, to + i])}" for i, m in enumerate("JF")]
        print(f"\n{title}: {', '.join(told)}")
    for fold, found in weights.items():
        print(f"weights without {f'fold {fold}' if fold else 'none'}: [{', '.join(f'{w:.2f}' for w in found)}]")
    print(f"\nzoom: J {rows[:, 4].mean():.1f}, F {rows[:, 5].mean():.1f} out of fold")


if __name__ == "__main__":
    main()
