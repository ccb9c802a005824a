"""Cuts found and cuts imagined, on sequences that have none inside: python benchmarks/shots.py

Every sequence is looked at at its own rate, then with every second and every third frame, which is motion two and three
times as fast; no cut may be found in it. Then the first 16 frames of each follow the last 16 of each other one: the one
cut must be found. Beside it, what its parts find alone. Frames are decoded at a quarter of their size.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from vosmem.data import files, shots

ENDS = 16
Rule = Callable[[shots.Detector], list[int]]
RULES: dict[str, Rule] = {
    "vosmem": lambda d: d.starts()[1:],
    "colours alone": lambda d: [t for t, c in enumerate(d.changes) if c.colours > shots.COLOURS],
    "unexplained alone": lambda d: [t for t, c in enumerate(d.changes) if c.unexplained > shots.UNEXPLAINED],
    "both, whatever is usual": lambda d: [t for t, c in enumerate(d.changes) if c.large],
}


def watch(frames: list[np.ndarray]) -> shots.Detector:
    detector = shots.Detector()
    for frame in frames:
        detector.add(frame)
    return detector


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path("../shared/davis2016"), help="DAVIS layout (default: %(default)s)"
    )
    root = parser.parse_args().data / "JPEGImages/480p"
    names = sorted(p.name for p in root.iterdir())
    clips = {}
    for name in names:
        images = (cv2.imread(str(path), cv2.IMREAD_REDUCED_COLOR_4) for path in files.images(root / name))
        clips[name] = [cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for image in images]
    rows: dict[str, list[str]] = {name: [] for name in RULES}
    begin, count = time.perf_counter(), 0
    for step in (1, 2, 3):
        detectors = [watch(clip[::step]) for clip in clips.values()]
        count += sum(len(clip[::step]) for clip in clips.values())
        for name, rule in RULES.items():
            rows[name].append(str(sum(len(rule(d)) for d in detectors)))
    seconds = (time.perf_counter() - begin) / count
    pairs = [(a, b) for a in names for b in names if a != b]
    detectors, at = [], []
    for a, b in pairs:
        detectors.append(watch(clips[a][-ENDS:] + clips[b][:ENDS]))
        at.append(min(ENDS, len(clips[a])))
    for name, rule in RULES.items():
        found = sum(cut in rule(d) for d, cut in zip(detectors, at, strict=True))
        more = sum(len(set(rule(d)) - {cut}) for d, cut in zip(detectors, at, strict=True))
        rows[name] += [f"{found} of {len(pairs)}", str(more)]
    total = sum(len(clip) for clip in clips.values())
    print(f"{len(names)} sequences, {total} frames; {1000 * seconds:.1f} ms a frame\n")
    print("| rule | cuts imagined | at half the rate | at a third | joins found | cuts imagined beside them |")
    print("|---|---|---|---|---|---|")
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
