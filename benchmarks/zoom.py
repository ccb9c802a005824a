"""What the closer look is worth, part by part: the sum, and its correction, against `bilateral`.

    snakemake --configfile config/davis2016-folds.yaml
    python -m benchmarks.zoom results/davis2016-train lvo config/splits/davis2016-folds.tsv

Every ``--step``-th frame is looked at. Weights and corrections are those that the run trained fold by fold
(`refine.zoom.correction: trained`), so that none has seen the sequence that it is scored on. Without
`refine.zoom.mirrored` and `refine.zoom.steady`, which needs every frame; with both the run's own scores are. Takes 4
minutes on one core.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from vosmem import config, parse
from vosmem.data import layout
from vosmem.evaluate import bootstrap, measures
from vosmem.grid import Grid
from vosmem.refine import correction, stage, zoom
from vosmem.refine.lessons import EVERY, Frame, Video, watch
from vosmem.refine.look import eye
from vosmem.refine.methods import probability
from vosmem.weights.fetch import fetch

CPU = torch.device("cpu")


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
    return replace(frame.seen, correction=model.added(frame.maps, logits, zoom.clear(sides)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="results/<data set> of a cross-validated run")
    parser.add_argument("model")
    parser.add_argument("folds", type=Path, help="the table of its folds")
    parser.add_argument("--step", type=int, default=EVERY, help="look at every so many frames (default: %(default)s)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    configured = config.resolve(parse.yaml_file(args.results / "config.yaml"))
    settings, networks = configured["refine"], configured["models"][args.model]["appearance"]
    network = settings["zoom"]["network"]
    see, rows, weights = eye(network, fetch(network), CPU, correction.LAYERS), [], {}
    print("| sequence | J, bilateral | F | J, zoom without correction | F | J, with it | F |")
    print("|---|---|---|---|---|---|---|")
    for name, fold in layout.read_folds(args.folds).items():
        trained = args.results / "correction" / args.model / f"fold{fold}" / "weights.safetensors"
        weights[fold] = np.array(correction.summed_by(trained), np.float32)
        (flow,) = sorted(args.results.glob(f"flow/*/{name}.h5"))[:1]
        seen = watch(
            args.results / "data" / f"{name}.json", args.results / "memory" / args.model / f"{name}.h5", flow,
            [args.results / "appearance" / n / f"{name}.h5" for n in config.names("appearance", networks)],
            settings, see, args.step,
        )  # fmt: skip
        ways = [(None, None), (weights[fold], None), (weights[fold], correction.load(trained, CPU, network))]
        rows.append(np.concatenate([scores(seen, settings, *way) for way in ways]))
        print(f"| {name} | {' | '.join(f'{value:.1f}' for value in rows[-1])} |", flush=True)
    rows = np.stack(rows)
    print(f"| mean | {' | '.join(f'{value:.1f}' for value in rows.mean(0))} |")
    for title, at, to in (
        ("the sum to bilateral", 2, 0),
        ("its correction to the sum", 4, 2),
        ("both to bilateral", 4, 0),
    ):
        told = [f"{m} {bootstrap.told(rows[:, at + i] - rows[:, to + i])}" for i, m in enumerate("JF")]
        print(f"\n{title}: {', '.join(told)}")
    for fold, found in sorted(weights.items()):
        print(f"weights without fold {fold}: [{', '.join(f'{w:.2f}' for w in found)}]")
    print(f"\nzoom: J {rows[:, 4].mean():.1f}, F {rows[:, 5].mean():.1f} out of fold")


if __name__ == "__main__":
    sys.exit(main())
