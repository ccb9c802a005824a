"""How exact and how fast are the flow estimators? End-point error on the demo set, whose true flow is known.

    python -m benchmarks.flow [--demo resources/demo-480] [--every 8] [--scale 0.5 ...] [--iterations 6 12 ...]
                              [--precision bfloat16 ...] [--weights FILE]

The demo set is rendered at 480x854 where the folder is not there yet. Of each of its sequences every N-th pair of
neighbouring frames is looked at. The error is the distance to the true flow, in pixels of the frame: over all pixels,
over the object, and within 10 pixels of its outline; its median, since where things are hidden a few pixels have
errors without bound, and its mean. `apart`: mean distance to RAFT in float32 with the most iterations at the same
scale. Seconds are of one thread's time per frame for both directions, as the stage spends them: median of the frames'
share plus median of the pairs'.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

from vosmem import demo, video, weights
from vosmem.flow.dis import DIS, PRESETS
from vosmem.flow.network import Frames
from vosmem.flow.stage import Estimator
from vosmem.grid import Grid, resample

SIZE = (480, 854)
OUTLINE = 10  # pixels


@dataclass
class Pair:
    """Two neighbouring frames, (H, W, 3) BGR; true flow (2, H, W); object and the zone about its outline, (H, W)."""

    frames: tuple[np.ndarray, np.ndarray]
    truth: np.ndarray
    masks: dict[str, np.ndarray]


@dataclass
class Row:
    """What was measured of one estimator: errors by zone, one array a pair; seconds of preparing and of pairs."""

    errors: dict[str, list[np.ndarray]] = field(default_factory=dict)
    apart: list[float] = field(default_factory=list)
    prepare: list[float] = field(default_factory=list)
    pair: list[float] = field(default_factory=list)


def pairs(root: Path, every: int) -> Iterator[Pair]:
    """Every ``every``-th pair of each sequence of a rendered demo set."""
    for folder in sorted((root / "JPEGImages/480p").iterdir()):
        images = sorted(folder.glob("*.jpg"))
        flow = np.load(root / f"Flow/480p/{folder.name}.npz")["forward"]  # (T - 1, 2, H, W)
        for t in range(every // 2, len(flow), every):
            mask = video.read_mask(root / f"Annotations/480p/{folder.name}/{images[t].stem}.png")
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * OUTLINE + 1,) * 2)
            near = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, kernel) > 0
            frames = video.read_frame(images[t]), video.read_frame(images[t + 1])
            yield Pair(frames, flow[t].astype(np.float32), {"all": np.ones_like(mask), "object": mask, "outline": near})


def measure(estimate: Estimator, pair: Pair, row: Row) -> np.ndarray:
    """Run an estimator on a pair and note what it took and how far it was off. Returns its flow (2, H, W)."""
    frame = pair.truth.shape[1:]
    size = tuple(round(n * estimate.scale) for n in frame)
    prepared = []
    for image in pair.frames:
        begin = time.process_time()
        prepared.append(estimate.prepare(video.resize(image, size)))
        row.prepare.append(time.process_time() - begin)
    begin = time.process_time()
    flow = estimate(*prepared, True)[0]  # (2, h, w)
    row.pair.append(time.process_time() - begin)
    ratio = np.array([frame[1] / size[1], frame[0] / size[0]], np.float32)[:, None, None]
    flow = resample(flow * ratio, Grid.of_image(size, frame), Grid.of_image(frame, frame))  # (2, H, W)
    distance = np.linalg.norm(flow - pair.truth, axis=0)
    for zone, mask in pair.masks.items():
        if mask.any():
            row.errors.setdefault(zone, []).append(distance[mask])
    return flow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--demo", type=Path, default=Path("resources/demo-480"), help="default: %(default)s")
    parser.add_argument("--every", type=int, default=8, metavar="N", help="default: %(default)s")
    parser.add_argument("--scale", type=float, nargs="*", default=[0.5])
    parser.add_argument("--iterations", type=int, nargs="*", default=[4, 6, 8, 12, 20])
    parser.add_argument("--precision", nargs="*", default=["float32", "bfloat16"])
    parser.add_argument("--weights", default="registry", help="RAFT's weight file (default: the fetched one)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if not args.demo.is_dir():
        demo.render(args.demo, size=SIZE)
    path = weights.file_for("raft", args.weights)
    estimators: dict[str, Estimator] = {f"dis {preset}": DIS(preset) for preset in PRESETS}
    reference = {}
    for scale in args.scale:
        for precision in args.precision:
            for n in sorted(args.iterations, reverse=True):
                name = f"raft {scale:g} {precision} {n}"
                estimators[name] = Frames(path, n, scale, precision, torch.device("cpu"))
                reference[name] = f"raft {scale:g} float32 {max(args.iterations)}"
    rows = {name: Row() for name in estimators}
    for pair in pairs(args.demo, args.every):
        found = {name: measure(estimate, pair, rows[name]) for name, estimate in estimators.items()}
        for name, other in reference.items():
            if other in found:
                rows[name].apart.append(float(np.linalg.norm(found[name] - found[other], axis=0).mean()))
    zones = ("all", "object", "outline")
    print(f"{len(next(iter(rows.values())).pair)} pairs of {args.demo}, error in pixels: mean (median)")
    print(f"{'estimator':<24}" + "".join(f"{z:>16}" for z in zones) + f"{'apart':>8}{'s/frame':>9}")
    for name, row in rows.items():
        line = f"{name:<24}"
        for zone in zones:
            errors = np.concatenate(row.errors[zone])
            line += f"{f'{errors.mean():.3f} ({np.median(errors):.3f})':>16}"
        apart = f"{np.mean(row.apart):.3f}" if row.apart else ""
        print(line + f"{apart:>8}{np.median(row.prepare) + np.median(row.pair):>9.3f}")


if __name__ == "__main__":
    main()
