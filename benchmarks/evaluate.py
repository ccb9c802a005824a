"""`vosmem evaluate` beside vos-benchmark: whole commands on the same masks, in turns, with as many processes.

    python -m benchmarks.evaluate --annotations A --masks M --peer-python /path/to/python

`--peer-python` is a Python that has vos-benchmark (`python -m venv V; V/bin/pip install vos-benchmark`). That tool
wants masks and annotations of 0 and 255, one channel, 8 bits: copies of that kind are made, and all commands read them;
a further row reads the files as given. The floor reads the copies and does nothing else.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

PEERS, JF, JFT, J = "vos-benchmark, J and F", "vosmem, J and F", "vosmem, J, F and T", "vosmem, J"
GIVEN, READING = "vosmem, J and F, files as given", "floor: reading the files"
ROOT = Path(__file__).resolve().parent.parent
PEER = """
from vos_benchmark.benchmark import benchmark; import sys
benchmark([sys.argv[1]], [sys.argv[2]], num_processes={n}, verbose=False)
"""
FLOOR = """
import multiprocessing, pathlib, sys
from vosmem import png
def read(path):
    png.read_mask(path)
with multiprocessing.Pool({n}) as pool:
    pool.map(read, sorted(p for d in sys.argv[1:] for p in pathlib.Path(d).glob("*/*.png")), chunksize=24)
"""


def copies(source: Path, sequences: list[str], target: Path) -> Path:
    """Copies of masks as 8-bit PNG of 0 and 255."""
    for path in sorted(p for name in sequences for p in (source / name).glob("*.png")):
        image = cv2.imread(os.fspath(path), cv2.IMREAD_UNCHANGED)
        if image.ndim == 3:
            image = image[..., : image.shape[2] - (image.shape[2] in (2, 4))].any(axis=2)
        out = target / path.parent.name / path.name
        out.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(os.fspath(out), (image > 0).astype(np.uint8) * 255)
    return target


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds that a command took, by the clock and of processors."""
    before, begin = os.times(), time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begin, spent


def in_turns(
    commands: dict[str, list[str]], rounds: int, told: Callable[[str], None]
) -> dict[str, list[tuple[float, float]]]:
    """Every command once per round, so that what else the machine does meets all alike."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for number in range(1, rounds + 1):
        for name, command in commands.items():
            taken[name].append(timed(command))
            told(f"round {number} of {rounds}: {name}: {taken[name][-1][0]:.1f} s")
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--annotations", type=Path, required=True)
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--peer-python", type=Path, required=True)
    parser.add_argument("--sequences", nargs="+", metavar="NAME", help="default: all that have masks")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    sequences = args.sequences or sorted(p.name for p in args.masks.iterdir() if p.is_dir())
    frames = sum(max(len(list((args.annotations / name).glob("*.png"))) - 2, 0) for name in sequences)

    with tempfile.TemporaryDirectory() as folder:
        annotations = copies(args.annotations, sequences, Path(folder, "annotations"))
        masks = copies(args.masks, sequences, Path(folder, "masks"))
        copied = [str(annotations), str(masks)]
        ours = [sys.executable, "-m", "vosmem", "evaluate", "--jobs", str(args.jobs), "--sequences", *sequences]
        on_copies = [*ours, "--annotations", copied[0], "--masks", copied[1]]
        as_given = [*ours, "--annotations", str(args.annotations.resolve()), "--masks", str(args.masks.resolve())]
        commands = {
            PEERS: [str(args.peer_python), "-c", PEER.format(n=args.jobs), *copied],
            JF: [*on_copies, "--measures", "J,F"],
            JFT: [*on_copies, "--measures", "J,F,T"],
            J: [*on_copies, "--measures", "J"],
            GIVEN: [*as_given, "--measures", "J,F"],
            READING: [sys.executable, "-c", FLOOR.format(n=args.jobs), *copied],
        }
        taken = in_turns(commands, args.rounds, lambda line: print(line, file=sys.stderr))
    report(taken, len(sequences), frames, args.jobs)


def report(taken: dict[str, list[tuple[float, float]]], sequences: int, frames: int, jobs: int) -> None:
    """Print the tables. Ratios are of medians."""
    clock = {name: statistics.median(seconds for seconds, _ in times) for name, times in taken.items()}
    best = {name: min(seconds for seconds, _ in times) for name, times in taken.items()}
    spent = {name: statistics.median(seconds for _, seconds in times) for name, times in taken.items()}
    rounds = len(taken[PEERS])
    print(f"{sequences} sequences, {frames} scored frames, {jobs} processes, {rounds} rounds in turns\n")
    print(f"{'whole command':<34}{'best s':>8}{'median':>8}{'CPU s':>8}{'frames/s':>10}{'x peer':>8}")
    for name in taken:
        rate, ratio = frames / clock[name], clock[PEERS] / clock[name]
        print(f"{name:<34}{best[name]:8.2f}{clock[name]:8.2f}{spent[name]:8.2f}{rate:10.0f}{ratio:8.2f}")
    print("\nwhere vosmem's processor time goes (medians)")
    parts = {"reading": spent[READING], "J, starting, tables": spent[J] - spent[READING],
             "F": spent[JF] - spent[J], "T": spent[JFT] - spent[JF]}  # fmt: skip
    for name, seconds in parts.items():
        print(f"{name:<34}{'':16}{seconds:8.2f}")
    print(f"\nJ and F: {clock[PEERS] / clock[JF]:.2f} times as fast as vos-benchmark, the goal is 3; "
          f"J, F and T: {clock[PEERS] / clock[JFT]:.2f}, the goal is 1")  # fmt: skip


if __name__ == "__main__":
    main()
