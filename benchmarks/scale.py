"""What a sequence costs, stage by stage: `python -m benchmarks.scale fit results/davis2016-train` (docs/scale.md).

`fit` reads the benchmark tables of a run: CPU seconds of a job are taken to be a + b f p, with f frames of p million
pixels, by least squares, which tells the start-up (a) from the work (b). `run N` makes N tiny sequences in a folder of
its own, runs the workflow over them with small networks, and prints the same and what Snakemake itself took; with
`--folder`, what was interrupted (Ctrl-C, SIGTERM) goes on by the same command, and all its runs are counted; with
`--until data flow`, all jobs are planned, and those without networks run: frames, data and flow. `segment N` segments N
tiny videos with the shipped weights: by one `vosmem segment`, and by one each.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml

from vosmem import config
from vosmem.appearance import mobile
from vosmem.weights.fetch import fetch

ROOT = Path(__file__).resolve().parent.parent
SIZE, FRAMES = (64, 96), 4  # of a tiny sequence
CONFIG = {
    "data": {"name": "tiny", "root": "tiny", "train": ["s00000", "s00001"], "test": "all", "short_side": SIZE[0]},
    "flow": {"estimator": "dis"},
    "appearance": {"network": "mobilenet_v2", "weights": "random.pth", "layers": ["block5"]},
    "motion": {"network": "camera_residual"},
    "memory": {"projection": 4, "state": 4, "steps": 3, "clip_length": 3},
    "refine": {"methods": ["raw"]},
    "device": "cpu",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="action", required=True)
    commands.add_parser("fit").add_argument("results", type=Path, help="of one data set: results/<name>")
    run = commands.add_parser("run")
    run.add_argument("sequences", type=int)
    run.add_argument("--cores", default="all")
    run.add_argument("--folder", type=Path, help="stays, so that a run of hours can be had in parts")
    run.add_argument("--until", nargs="+", metavar="RULE", help="the last that run of all that is planned; none: all")
    commands.add_parser("segment").add_argument("sequences", type=int)
    args = parser.parse_args()
    if args.action == "fit":
        print(table(args.results))
        return
    stays = args.action == "run" and args.folder
    with nullcontext(args.folder.resolve()) if stays else tempfile.TemporaryDirectory() as folder:
        if args.action == "run":
            tiny(Path(folder), args.sequences, args.cores, args.until)
        else:
            together(Path(folder), args.sequences)


def table(results: Path) -> str:
    """Of each kind of job: how many, what it costs, and the largest memory that one held."""
    work = {}
    for path in (results / "frames").glob("*.json"):
        told = json.loads(path.read_text())
        height, width = told["working_size"]
        work[path.stem] = len(told["frames"]) * height * width / 1e6
    rows = defaultdict(list)
    for path in (results / "benchmarks").rglob("*.tsv"):
        if path.stem in work:
            with open(path, newline="") as file:
                told = next(csv.DictReader(file, delimiter="\t"))
            if told["cpu_time"] != "NA":
                kind = str(path.parent.relative_to(results / "benchmarks"))
                rows[kind].append((work[path.stem], float(told["cpu_time"]), float(told["max_rss"])))
    lines = ["| job | jobs | start-up, CPU s | CPU s a megapixel | peak MB |", "|---|---|---|---|---|"]
    for kind, measured in sorted(rows.items()):
        amount, seconds, memory = np.array(measured).T  # (n,) each
        start, each = seconds.mean(), 0.0
        if np.ptp(amount) > 0:  # neither is negative, however disturbed the timings
            each, start = np.polyfit(amount, seconds, 1)
            start, each = (0.0, seconds.sum() / amount.sum()) if start < 0 else (start, each)
            start, each = (seconds.mean(), 0.0) if each < 0 else (start, each)
        lines.append(f"| {kind} | {len(measured)} | {start:.1f} | {each:.3f} | {memory.max():.0f} |")
    return "\n".join(lines)


def render(folder: Path, count: int, frames: int = FRAMES) -> None:
    """Make the sequences, in the layout of DAVIS, in ``folder``/tiny."""
    rng = np.random.default_rng(0)
    for i in range(count):
        background = cv2.GaussianBlur(rng.integers(0, 255, (*SIZE, 3), np.uint8), (0, 0), 1.5)
        for t in range(frames):
            mask = np.zeros(SIZE, np.uint8)
            mask[16:48, 8 + 6 * t : 40 + 6 * t] = 255
            for kind, suffix, image in (
                ("JPEGImages", "jpg", np.where(mask[..., None] > 0, np.uint8(230), background)),
                ("Annotations", "png", mask),
            ):
                path = folder / "tiny" / kind / "480p" / f"s{i:05d}" / f"{t:05d}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(path), image)


def tiny(folder: Path, count: int, cores: str, until: list[str] | None) -> None:
    """Make the sequences where they are not yet, run, and tell what this run and those before it took."""
    runs = folder / "runs.tsv"  # seconds by the clock and of the CPU
    if not runs.is_file():
        render(folder, count)
        torch.manual_seed(0)
        torch.save(mobile.mobilenet_v2(["block5"], 8).state_dict(), folder / "random.pth")
        (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
        runs.touch()
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow/Snakefile"), "--directory"]
    command += [str(folder), "--configfile", str(folder / "config.yaml"), "--cores", cores, "--keep-going"]
    command += ["--rerun-incomplete", *(["--until", *until] if until else [])]
    wall, cpu, status = taken(command, folder)
    with open(runs, "a") as file:
        file.write(f"{wall:.1f}\t{cpu:.1f}\n")
    results = folder / "results/tiny"
    print(table(results))
    walls, cpus = np.loadtxt(runs, ndmin=2).T  # (runs,) each
    jobs = sum(1 for _ in (results / "benchmarks").rglob("s[0-9]*.tsv"))
    disk = sum(p.stat().st_size for p in folder.joinpath("results").rglob("*") if p.is_file())
    hidden = sum(1 for p in folder.joinpath(".snakemake").rglob("*") if p.is_file())
    print(f"disk of the results: {disk / count / 1e3:.0f} kB a sequence; files of Snakemake's: {hidden / count:.1f}")
    cost = f"{walls.sum():.0f} s, {cpus.sum():.0f} CPU s, that is {cpus.sum() / max(jobs, 1):.2f} a job"
    print(f"\n{jobs} jobs of {count} sequences, {len(walls)} runs: {cost}, {cpus.sum() / count:.2f} a sequence")
    sys.exit(status)


def together(folder: Path, count: int) -> None:
    """Make the sequences, segment them by one command and by one each, and tell what either took."""
    render(folder, count, 2)
    videos = sorted((folder / "tiny/JPEGImages/480p").iterdir())
    command = [sys.executable, "-m", "vosmem", "segment", "--short-side", str(SIZE[0]), "--threads", "1", "-o"]
    fetch(config.section_defaults("refine")["zoom"]["network"])  # so that neither fetches
    runs = {"one command each": [[*command, f"{folder}/{v.name}", str(v)] for v in videos]}
    runs["one command for all"] = [[*command, f"{folder}/all", *map(str, videos)]]
    print("| | s a video | CPU s a video |\n|---|---|---|")
    means = {}
    for name, commands in runs.items():
        wall, means[name], failed = np.sum([taken(c, folder) for c in commands], 0) / count
        if failed:
            sys.exit(1)
        print(f"| {name} | {wall:.2f} | {means[name]:.2f} |", flush=True)
    apart, at_once = means.values()
    print(f"\nscale segment: {apart - at_once:.1f} CPU s a video saved, of {apart:.1f} ({count} videos of 2 frames)")


def taken(command: list[str], folder: Path) -> tuple[float, float, int]:
    """Run a command, which is stopped where this process would be, and print what it tells where it fails.

    Returns seconds by the clock, and of the CPU, and its exit status.
    """
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with open(folder / "told.txt", "w") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: process.terminate())
        status = process.wait()
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if status:
        print((folder / "told.txt").read_text()[-5000:], file=sys.stderr)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, status


if __name__ == "__main__":
    main()
