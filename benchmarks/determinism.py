"""What two runs share: python -m benchmarks.determinism ../shared/davis2016/JPEGImages/480p/bear --threads 1 1 2

The first frames of a folder go through the stages as `vosmem segment` would have them, once for each number of threads,
each time from the frames on; told is how the data of every stage differ from the first run's: share of values that
differ, the largest and the mean difference in units of the first run's standard deviation. Masks: share of pixels.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np

from vosmem import video, weights
from vosmem.data import layout


def chain(frames: Path, out: Path, threads: int) -> dict[str, list[np.ndarray]]:
    """Run every stage with the shipped memory's settings; the data that each one wrote."""
    made_by = weights.metadata(weights.entry("lvo").path())["streams"]
    out.mkdir()
    vosmem("data", "describe", frames.name, "--root", frames.parent, "--layout", "folder", "--out", out / "d.json")
    n = ("--threads", threads)
    vosmem("flow", out / "d.json", "--out", out / "flow.h5", *n)
    streams: dict[str, list[Path]] = {"appearance": [], "motion": []}
    for stage, *words in (("appearance", "d.json"), ("motion", "predict", "flow.h5")):
        for network in (maker["name"] for maker in made_by[stage]):
            streams[stage].append(out / f"{stage}-{network}.h5")
            settings = ("--settings", f"{{network: {network}}}")
            vosmem(stage, *words[:-1], out / words[-1], "--out", streams[stage][-1], *settings, *n)
    options = [word for stage, paths in streams.items() for word in (f"--{stage}", *paths)]
    vosmem("memory", "predict", weights.entry("lvo").path(), *options, "--out", out / "memory.h5", *n)
    for method in ("raw", "bilateral"):
        files, alike = (out / "d.json", out / "memory.h5"), ("--appearance", *streams["appearance"])
        vosmem("refine", *files, "--method", method, *alike, "--out", out / f"{method}.json")
    data = {path.stem: contents(path) for path in sorted(out.glob("*.h5"), key=lambda p: p.stat().st_mtime_ns)}
    for method in ("raw", "bilateral"):
        data[f"masks, {method}"] = [np.stack([video.read_mask(p) for p in layout.images(out / method)])]
    return data


def contents(path: Path) -> list[np.ndarray]:
    with h5py.File(path) as file:
        return [file[name][:] for name in file]


def vosmem(*words: object) -> None:
    command = [sys.executable, "-m", "vosmem", *map(str, words)]
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env=environment)


def row(first: list[np.ndarray], other: list[np.ndarray]) -> str:
    a, b = (np.concatenate([x.ravel().astype(np.float64) for x in arrays]) for arrays in (first, other))
    unequal = float(np.mean(a != b))
    if not unequal:
        return "equal, bit by bit"
    if first[0].dtype == bool:
        return f"{unequal:.2g} of the pixels"
    gap = np.abs(a - b) / a.std()
    return f"{unequal:.2g} of the values, by {gap.max():.2g} at most, {gap.mean():.2g} in the mean"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of frames")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 1, 2])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clips" / args.folder.name
        clip.mkdir(parents=True)
        for path in layout.images(args.folder)[: args.frames]:
            (clip / path.name).symlink_to(path.resolve())
        runs = [(threads, chain(clip, Path(folder) / str(k), threads)) for k, threads in enumerate(args.threads)]
    first_threads, first = runs[0]
    print(f"{args.folder.name}, {args.frames} frames, against {first_threads} thread(s)\n")
    print("| stage | " + " | ".join(f"{threads} thread(s)" for threads, _ in runs[1:]) + " |")
    print("|---" * len(runs) + "|")
    for name in first:
        print(f"| {name} | " + " | ".join(row(first[name], data[name]) for _, data in runs[1:]) + " |")
    same = [a[1] for a in runs if a[0] == first_threads]
    equal = sum(row(x[n], y[n]) == "equal, bit by bit" for x, y in pairwise(same) for n in first)
    print(f"\ndeterminism: {equal} of {len(first) * (len(same) - 1)} stages bit-equal with the same number of threads")


if __name__ == "__main__":
    main()
