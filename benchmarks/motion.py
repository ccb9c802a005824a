"""How well does motion alone find the object? MP-Net beside its rivals without learning, on real video.

    python -m benchmarks.motion --data ../shared/davis2016 [--every 5] [--weights FILE] [--cache cache/benchmark-flow]
    python -m benchmarks.motion --flow results/davis2016-train/flow/raft

Flow is DIS, preset medium, at 480 pixels of short side, or that of a run's cache. Of each sequence every N-th frame is
scored by J (intersection over union) at full size, the first and last left out. Each method has its own best threshold,
one for all sequences. The interval is a paired bootstrap over sequences: MP-Net minus the rival.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from vosmem import cache, video, weights
from vosmem.evaluate import bootstrap
from vosmem.flow.dis import DIS
from vosmem.grid import Grid, resample
from vosmem.motion import stage

THRESHOLDS = np.linspace(0.01, 0.99, 99)
SHORT_SIDE = 480


def field(images: list[Path], t: int, folder: Path, estimator: DIS) -> np.ndarray:
    """Flow t -> t+1 of a sequence at working size, (2, H, W) float32; kept in ``folder``."""
    kept = folder / f"{images[t].parent.name}-{images[t].stem}.npy"
    if kept.is_file():
        return np.load(kept).astype(np.float32)
    size = video.working_size(video.read_frame(images[t]).shape[:2], SHORT_SIDE)
    first, second = (video.resize(video.read_frame(images[i]), size) for i in (t, t + 1))
    flow = estimator(estimator.prepare(first), estimator.prepare(second), False)[0]
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.save(kept, flow.astype(np.float16))
    return flow


def cached(folder: Path, sequence: str, t: int) -> tuple[np.ndarray, tuple[int, int], Grid]:
    """The same out of a run's cache, with the size of the working frame and where the flow's cells lie in it."""
    with cache.read(folder / f"{sequence}.h5", "flow") as file:
        return file.rows("forward", t, t + 1)[0].astype(np.float32), file.clip.frame_size, file.grid("forward")


def jaccard_by_threshold(probability: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """J of ``probability > threshold`` against ``mask`` (both (H, W)) for each of THRESHOLDS."""
    step = np.searchsorted(THRESHOLDS, probability, side="left")  # how many thresholds lie below the probability
    bins = len(THRESHOLDS) + 1
    inside = np.bincount(step[mask], minlength=bins)[::-1].cumsum()[::-1][1:]  # found and true, by threshold
    found = np.bincount(step.ravel(), minlength=bins)[::-1].cumsum()[::-1][1:]
    union = found + mask.sum() - inside
    return np.where(union > 0, inside / np.maximum(union, 1), 1.0)


def scores(
    data: Path, every: int, path: Path, size: tuple[int, int], pool: bool, flow_of: Callable
) -> dict[str, np.ndarray]:
    """Name of each method -> mean J by sequence and threshold, (sequences, thresholds).

    ``flow_of(images, t)``: as :func:`cached`.
    """
    device = torch.device("cpu")
    methods = {name: make(path if name == "mpnet" else None, device) for name, make in stage.ESTIMATORS.items()}
    result: dict[str, list[np.ndarray]] = {name: [] for name in methods}
    for folder in sorted((data / "JPEGImages/480p").iterdir()):
        images = sorted(folder.glob("*.jpg"))
        by_frame: dict[str, list[np.ndarray]] = {name: [] for name in methods}
        for t in range(1, len(images) - 1, every):
            mask = video.read_mask(data / "Annotations/480p" / folder.name / f"{images[t].stem}.png")  # (H, W) bool
            flow, frame, grid = flow_of(images, t)
            for name, estimate in methods.items():
                small = stage.probabilities(flow[None], estimate, size, pool, device, frame, grid)[0]  # (h, w)
                full = resample(small, Grid.of_image(small.shape, frame), Grid.of_image(mask.shape, frame))  # (H, W)
                by_frame[name].append(jaccard_by_threshold(full, mask))
        for name, rows in by_frame.items():
            result[name].append(np.mean(rows, axis=0))
    return {name: np.array(rows) for name, rows in result.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/davis2016"), help="DAVIS layout (default: %(default)s)"
    )
    parser.add_argument(
        "--every", type=int, default=5, metavar="N", help="score every N-th frame (default: %(default)s)"
    )
    parser.add_argument(
        "--weights", default="registry", help="MP-Net's weight file (default: the one that comes with vosmem)"
    )
    parser.add_argument("--size", type=int, nargs=2, default=(116, 212), metavar=("H", "W"), help="default: 116 212")
    parser.add_argument("--pool", action="store_true", help="max-pool the result 2x2")
    parser.add_argument(
        "--cache", type=Path, default=Path("cache/benchmark-flow"), help="keeps the flow (default: %(default)s)"
    )
    parser.add_argument("--flow", type=Path, metavar="DIR", help="of a run: results/<data set>/flow/<estimator>")
    parser.add_argument("--per-sequence", action="store_true", help="print every sequence too")
    args = parser.parse_args()
    torch.set_num_threads(1)

    path = weights.file_for("mpnet", args.weights)
    dis = DIS("medium")

    def flow_of(images: list[Path], t: int) -> tuple[np.ndarray, tuple[int, int], Grid]:
        if args.flow:
            return cached(args.flow, images[t].parent.name, t)
        flow = field(images, t, args.cache, dis)
        return flow, flow.shape[1:], Grid.of_image(flow.shape[1:], flow.shape[1:])

    table = scores(args.data, args.every, path, tuple(args.size), args.pool, flow_of)
    best = {name: int(rows.mean(0).argmax()) for name, rows in table.items()}
    by_sequence = {name: 100 * rows[:, best[name]] for name, rows in table.items()}
    if args.per_sequence:
        names = sorted(p.name for p in (args.data / "JPEGImages/480p").iterdir())
        print(f"{'sequence':<20}" + "".join(f"{m:>18}" for m in table))
        for i, name in enumerate(names):
            print(f"{name:<20}" + "".join(f"{by_sequence[m][i]:>18.1f}" for m in table))
        print()
    count, estimator = len(by_sequence["mpnet"]), f"flow of {args.flow}" if args.flow else "DIS medium"
    print(f"J of motion alone: every {args.every}th frame of {count} sequences, {estimator}")
    print(f"field {args.size[0]}x{args.size[1]}, weights {path.name}")
    print(f"{'method':<18}{'J mean':>8}{'threshold':>11}   mpnet minus it, 95 % interval")
    for name, rows in by_sequence.items():
        line = f"{name:<18}{rows.mean():>8.1f}{THRESHOLDS[best[name]]:>11.2f}"
        if name != "mpnet":
            line += f"   {bootstrap.told(by_sequence['mpnet'] - rows)}"
        print(line)
    ours, peer = by_sequence["mpnet"].mean(), by_sequence["camera_residual"].mean()
    print(f"motion: J {ours:.1f}, {ours / peer:.2f}x camera_residual")


if __name__ == "__main__":
    main()
