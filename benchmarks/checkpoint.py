"""What `memory.checkpoint` saves on long clips: peak memory and time of one training step of the default memory, with
the finer read-out (`memory.finer: 2`).

    python -m benchmarks.checkpoint --frames 60 240 --segments 0 8

Each measurement is a process of its own, on random maps of 60x107 cells, so that its peak is its own.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time


def step(frames: int, segment: int) -> tuple[float, float]:
    """MB by which one step's peak lies above what was held before it, and its CPU seconds."""
    import torch

    from vosmem import precision
    from vosmem.config import section_defaults
    from vosmem.memory import shape
    from vosmem.memory.model import VisualMemory

    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = VisualMemory(7, 22, 7, **shape(section_defaults("memory", {"finer": 2})))
    maps = {"appearance": (7, 60, 107), "motion": (22, 60, 107), "fine": (7, 120, 214)}
    clip = {stream: torch.randn(frames, *size) for stream, size in maps.items()}
    before, start = peak_mb(), time.process_time()
    with precision.multiplying("auto", torch.device("cpu")):
        logits = model(clip, segment).float()
    logits.square().mean().backward()
    return peak_mb() - before, time.process_time() - start


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, nargs="+", default=[60, 240], help="of the clip")
    parser.add_argument("--segments", type=int, nargs="+", default=[0, 8], help="memory.checkpoint; 0 comes first")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(*step(args.frames[0], args.segments[0]))
        return
    print("| frames | checkpoint | MB above what was held | CPU s |\n|---|---|---|---|")
    saved = 0.0
    for frames in args.frames:
        peaks = []
        for segment in args.segments:
            command = [
                sys.executable,
                "-m",
                "benchmarks.checkpoint",
                "--one",
                "--frames",
                frames,
                "--segments",
                segment,
            ]
            told = subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout
            mb, seconds = map(float, told.split())
            peaks.append(mb)
            print(f"| {frames} | {segment} | {mb:.0f} | {seconds:.1f} |", flush=True)
        saved = peaks[0] / peaks[-1]
    print(f"checkpoint: {saved:.2f}x memory.checkpoint {args.segments[0]}, in peak memory of {args.frames[-1]} frames")


if __name__ == "__main__":
    main()
