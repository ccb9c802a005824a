"""How long Snakemake takes to plan: `python -m benchmarks.plan --sequences 50 500 5000`.

Makes data sets of so many sequences whose files are empty, and plans each by a dry run; or, with `--here CONFIG`, plans
what is there in this folder, which is what a run costs that has nothing to do. CPU time is what other processes disturb
least; a dry run tells every job once it has planned, which a run does as they start. `--profile` tells which functions
of the rules and of Snakemake took most.
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
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
_seen = [0.0]  # CPU seconds of the plans before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, nargs="+", default=[50, 500, 5000])
    parser.add_argument("--frames", type=int, default=4, help="of a sequence")
    parser.add_argument("--here", type=Path, metavar="CONFIG", help="plan this configuration in this folder instead")
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    print("| sequences | jobs | planned after CPU s | all CPU s | all wall s | peak MB |\n|---|---|---|---|---|---|")
    if args.here:
        print(row(args.here.name, Path.cwd(), args.here.absolute(), args.profile))
        return
    for count in args.sequences:
        with tempfile.TemporaryDirectory() as folder:
            print(row(f"{count:,}", Path(folder), write(Path(folder), count, args.frames), args.profile))


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
    command += ["--snakefile", str(ROOT / "workflow/Snakefile"), "--configfile", str(config)]
    command += ["--directory", str(folder), "--dry-run", "--quiet", "rules"]
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


def cpu(pid: int) -> float:
    """CPU seconds that a process took so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
