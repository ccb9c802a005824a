"""How long Snakemake takes to plan: `python -m benchmarks.plan --sequences 50 500 5000`.

Makes data sets of so many sequences whose files are empty, and plans each by a dry run; or, with `--here CONFIG`, plans
what is there in this folder, which is what a run costs that has nothing to do. CPU time is what other processes disturb
least; a dry run tells every job once it has planned, which a run does as they start. `--profile` tells which functions
of the rules and of Snakemake took most.

`--run ilp greedy` runs all jobs, each replaced by a shell script that writes empty files: what Snakemake itself takes
to choose, start and record them, by either of its schedulers.
"""

from __future__ import annotations

import argparse
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import yaml

from vosmem import weights

ROOT = Path(__file__).resolve().parent.parent
# Stands in for `python -m vosmem ...`: what a command was told to write is there, and empty.
STAND_IN = """#!/bin/sh
while [ $# -gt 0 ]; do
  case $1 in --out|--history|--per-frame|--csv) : > "$2" ;; esac
  shift
done
"""
_seen = [0.0]  # CPU seconds of the plans before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, nargs="+", default=[50, 500, 5000])
    parser.add_argument("--frames", type=int, default=4, help="of a sequence")
    parser.add_argument("--here", type=Path, metavar="CONFIG", help="plan this configuration in this folder instead")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--run", nargs="+", choices=("ilp", "greedy"), help="run all jobs, by each of these schedulers")
    args = parser.parse_args()
    if args.run:
        run(args.sequences, args.frames, args.run)
        return
    print("| sequences | jobs | planned after CPU s | all CPU s | all wall s | peak MB |\n|---|---|---|---|---|---|")
    if args.here:
        print(row(args.here.name, Path.cwd(), args.here.absolute(), args.profile))
        return
    for count in args.sequences:
        with tempfile.TemporaryDirectory() as folder:
            print(row(f"{count:,}", Path(folder), write(Path(folder), count, args.frames), args.profile))


def run(sequences: list[int], frames: int, schedulers: list[str]) -> None:
    """Run each data set by each scheduler; print the table, and how the last scheduler does beside the first."""
    print("| sequences | scheduler | jobs | Snakemake's CPU s | ms a job | wall s |\n|---|---|---|---|---|---|")
    for count in sequences:
        taken = []
        for scheduler in schedulers:
            with tempfile.TemporaryDirectory() as folder:
                jobs, own, wall = ran(Path(folder), write(Path(folder), count, frames), scheduler)
            taken.append(own)
            print(
                f"| {count:,} | {scheduler} | {jobs:,} | {own:.0f} | {1e3 * own / jobs:.1f} | {wall:.0f} |", flush=True
            )
    print(f"\nplan: {schedulers[-1]} {taken[0] / taken[-1]:.1f}x {schedulers[0]}, of {sequences[-1]:,} sequences")


def write(folder: Path, count: int, frames: int) -> Path:
    """A data set of empty files, and a configuration that trains on a few of its sequences and segments all."""
    for kind, suffix in (("JPEGImages", "jpg"), ("Annotations", "png")):
        for i in range(count):
            sequence = folder / "many" / kind / "480p" / f"s{i:06d}"
            sequence.mkdir(parents=True)
            for t in range(frames):
                (sequence / f"{t:05d}.{suffix}").touch()
    config = {"data": {"name": "many", "root": "many", "train": ["s000000", "s000001"], "test": "all"}}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def row(name: str, folder: Path, config: Path, profile: bool) -> str:
    """Plan once; a row of the table."""
    told = folder / "profile.pstats"
    command = [sys.executable, *(["-m", "cProfile", "-o", str(told)] if profile else []), "-m", "snakemake"]
    command += [*where(folder, config), "--dry-run", "--quiet", "rules"]
    begin, planned, jobs = time.perf_counter(), 0.0, "0"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        for line in process.stdout:
            if line.startswith("Job stats:") and not planned:  # what follows is the telling of every job
                planned = cpu(process.pid)
            if line.startswith("total "):
                jobs = line.split()[1]
    if process.returncode:
        sys.exit(f"snakemake failed; see it by itself: {' '.join(command)}")
    wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if profile:
        pstats.Stats(str(told), stream=sys.stderr).sort_stats("tottime").print_stats(25)
        pstats.Stats(str(told), stream=sys.stderr).sort_stats("cumtime").print_stats(r"vosmem|common\.smk|\.smk", 25)
        told.unlink()
    whole = after.ru_utime + after.ru_stime - _seen[0]
    _seen[0] += whole
    return f"| {name} | {int(jobs):,} | {planned:.1f} | {whole:.1f} | {wall:.1f} | {after.ru_maxrss / 1024:.0f} |"


def ran(folder: Path, config: Path, scheduler: str) -> tuple[int, float, float]:
    """Run every job as an empty one: how many there were, CPU seconds of Snakemake's own process, and those passed."""
    for entry in weights.registry().values():  # as if they had been fetched
        (folder / entry.path()).parent.mkdir(parents=True, exist_ok=True)
        (folder / entry.path()).touch()
    stand_in = folder / "bin/python"
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    path = f"{stand_in.parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "snakemake", *where(folder, config), "--cores", "all", "--scheduler", scheduler]
    begin, own = time.perf_counter(), 0.0
    with open(folder / "told.txt", "w") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, env={**os.environ, "PATH": path})
        while process.poll() is None:
            with suppress(OSError, IndexError):  # it may end in between
                own = cpu(process.pid)
            time.sleep(0.2)
    wall, lines = time.perf_counter() - begin, (folder / "told.txt").read_text().splitlines()
    if process.returncode:
        sys.exit("\n".join([*lines[-20:], f"snakemake failed: {' '.join(command)}"]))
    return sum(line.startswith("Finished jobid:") for line in lines), own, wall


def where(folder: Path, config: Path) -> list[str]:
    """Options that have Snakemake run this workflow there."""
    return ["--snakefile", str(ROOT / "workflow/Snakefile"), "--configfile", str(config), "--directory", str(folder)]


def cpu(pid: int) -> float:
    """CPU seconds that a process took so far, without its children's."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
