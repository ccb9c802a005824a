"""What does refinement give, and what does it cost? Every method beside raw up-sampling, on cached probabilities.

    python -m benchmarks.refine results/davis2016-22-8 --model lvo --every 5
    python -m benchmarks.refine results/davis2016-22-8 --ideal 8 --ideal 4 --every 10

Run where the workflow ran: descriptions name frames relative to that folder. The input is a model's probability, or
the idealised one (--ideal STRIDE): the annotation averaged over the cells of a grid of that stride and blurred by 0.7
cells, which shows what refinement does when the model makes no mistake. Every N-th frame but the first and the last is
scored, for T with its successor. Means over sequences; T over those that DAVIS-2016 scores it on, all elsewhere.
Seconds a frame are processor time of one thread, probability to mask. --set tries other settings of a method:
--set guided.radius=16.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml

import vosmem
from vosmem import cache, config, video
from vosmem.data import describe
from vosmem.errors import UserError
from vosmem.evaluate import measures, stability
from vosmem.grid import Axis, Grid, resample
from vosmem.refine.methods import METHODS, probability
from vosmem.refine.stage import working_frame

BLUR = 0.7  # cells: what a network's own smoothness does to the labels that it learns
DAVIS = Path(vosmem.__file__).parent / "evaluate/davis2016.tsv"

TRIED = [method for method in METHODS if method != "zoom"]  # which looks at frames again: `benchmarks.zoom`

Cells = Callable[[int], tuple[np.ndarray, Grid]]  # frame -> map (h, w) float32 and its grid


def predicted(path: Path) -> Cells:
    """What a model's file says."""

    def cells(t: int) -> tuple[np.ndarray, Grid]:
        with cache.read(path, "memory") as file:
            return file.rows("probability", t, t + 1)[0].astype(np.float32), file.grid("probability")

    return cells


def idealised(sequence: describe.Sequence, stride: int) -> Cells:
    """What the annotations say."""
    size = sequence.working_size
    grid = Grid(*(Axis(-(-n // stride), stride, 0) for n in size))

    def cells(t: int) -> tuple[np.ndarray, Grid]:
        mask = video.read_mask(sequence.mask_paths[t]).astype(np.float32)  # (H, W)
        soft = resample(mask, Grid.of_image(mask.shape, size), grid, "area")  # (h, w)
        return cv2.GaussianBlur(soft, (0, 0), BLUR, borderType=cv2.BORDER_REPLICATE), grid

    return cells


def score(
    sequence: describe.Sequence, cells: Cells, methods: Mapping[str, Mapping[str, Any]], asked: str, every: int
) -> dict[str, np.ndarray]:
    """Method -> mean J, F, T and seconds a frame of one sequence, (4,), NaN where not asked for."""
    pixels = Grid.of_image(sequence.size, sequence.working_size)
    rows: dict[str, list] = {name: [] for name in methods}

    def mask(t: int, name: str) -> tuple[np.ndarray, float]:
        maps, grid = cells(t)
        frame = working_frame(sequence, t)
        begin = time.process_time()
        settings = methods[name]
        refined = probability(name, maps, grid, pixels, lambda: frame, settings.get(name, {})) > settings["threshold"]
        return refined, time.process_time() - begin

    for t in range(1, len(sequence.frames) - 1, every):
        annotation = sequence.mask_paths[t] and video.read_mask(sequence.mask_paths[t])
        for name in methods:
            found, seconds = mask(t, name)
            J = measures.region_similarity(found, annotation) if "J" in asked and annotation is not None else np.nan
            F = measures.contour_accuracy(found, annotation) if "F" in asked and annotation is not None else np.nan
            T = np.nan
            if "T" in asked and t + 1 < len(sequence.frames) - 1:
                T = stability.instability(stability.describe(found), stability.describe(mask(t + 1, name)[0]))
            rows[name].append((J, F, T, seconds))
    return {name: [measures.mean(column) for column in np.array(told).T] for name, told in rows.items()}


def inputs(results: Path, models: list[str], strides: list[int]) -> Iterator[tuple[str, list]]:
    """Each input's name, and its sequences, each with its cells."""
    described = {path.stem: describe.read(path) for path in sorted((results / "data").glob("*.json"))}
    if not described:
        raise UserError(
            f"{results}/data: holds no descriptions; give the folder of a data set that the workflow ran on"
        )
    for model in models:
        files = sorted((results / "memory" / model).glob("*.h5"))
        if not files:
            raise UserError(f"{results}/memory/{model}: holds no probabilities; name a model that has run")
        yield model, [(described[path.stem], predicted(path)) for path in files]
    for stride in strides:
        yield f"ideal, stride {stride}", [(s, idealised(s, stride)) for s in described.values() if s.scored]


def unsteady() -> set[str]:
    """DAVIS-2016's sequences that are not scored for T."""
    with open(DAVIS, newline="") as file:
        return {row["sequence"] for row in csv.DictReader(file, delimiter="\t") if row["scored_for_T"] != "yes"}


def settings_of(changes: list[str]) -> dict[str, Any]:
    """The section `refine` with ``changes``, each METHOD.KEY=VALUE."""
    given: dict[str, Any] = {}
    for change in changes:
        path, _, value = change.partition("=")
        *parents, key = path.split(".")
        place = given
        for parent in parents:
            place = place.setdefault(parent, {})
        place[key] = yaml.safe_load(value)
    return config.section_defaults("refine", given)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="a data set's folder, e.g. results/davis2016-22-8")
    parser.add_argument("--model", action="append", default=[], help="a model that has predicted; can be repeated")
    parser.add_argument("--ideal", action="append", type=int, default=[], metavar="STRIDE", help="can be repeated")
    parser.add_argument("--methods", nargs="+", choices=TRIED, default=TRIED)
    parser.add_argument("--measures", default="JFT", help="some of J, F, T (default: %(default)s)")
    parser.add_argument(
        "--every", type=int, default=5, metavar="N", help="score every N-th frame (default: %(default)s)"
    )
    parser.add_argument("--set", action="append", default=[], metavar="METHOD.KEY=VALUE", help="can be repeated")
    args = parser.parse_args()
    methods = dict.fromkeys(args.methods, settings_of(args.set))
    left_out = unsteady()

    print(f"every {args.every}th frame of {args.results}{''.join(', ' + s for s in args.set)}")
    heads = "".join(f"{head:>7}" for head in "JFT") + f"{'s/frame':>10}   J and F minus raw, sequences better/worse"
    print(f"{'input':<18}{'method':<12}{heads}")
    for title, sequences in inputs(args.results, args.model, args.ideal):
        told = {s.name: score(s, cells, methods, args.measures, args.every) for s, cells in sequences}
        for name in methods:
            table = np.array([told[s][name] for s in told])  # (sequences, 4)
            table[[s in left_out for s in told], 2] = np.nan
            J, F, T, seconds = (measures.mean(column) for column in table.T)
            line = f"{title:<18}{name:<12}{100 * J:>7.1f}{100 * F:>7.1f}{100 * T:>7.1f}{seconds:>10.3f}"
            if name != "raw" and "raw" in methods:
                gain = table - np.array([told[s]["raw"] for s in told])
                line += "   " + ", ".join(
                    f"{100 * measures.mean(gain[:, i]):+.1f} ({(gain[:, i] > 0).sum()}/{(gain[:, i] < 0).sum()})"
                    for i in (0, 1)
                )
            print(line, flush=True)


if __name__ == "__main__":
    main()
