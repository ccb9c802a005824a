"""The workflow on a real Slurm against the same run without: `python -m benchmarks.slurm` (docs/cluster.md).

Starts a Slurm of one node on this machine (Debian's packages; root), runs the demo there by the profile for Slurm,
cancels one job while it runs, runs the demo without Slurm, and compares scores and masks byte for byte. Prints what
Slurm says of its jobs, and what both runs took. Both train with one thread, as sums depend on the number of threads.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.workflow import slurm_cluster

ROOT = Path(__file__).resolve().parent.parent
# A cluster of one evening has no accounts, and no database that tells of ended jobs.
PROFILES = ROOT / "workflow/profiles"
HERE = ("--slurm-no-account", "--slurm-status-command=squeue", "--slurm-init-seconds-before-status-checks=5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--configfile", type=Path, default=ROOT / "config.yaml", help="with data.root absolute, or the demo's"
    )
    parser.add_argument("--cpus", type=int, default=os.cpu_count(), help="that Slurm is told the node has")
    parser.add_argument("--cancel", default="rule_flow", help="beginning of the rule one of whose jobs is cancelled")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="slurm") as name:
        folder = Path(name)
        there, here = folder / "there", folder / "here"
        (folder / "slurm").mkdir()
        with slurm_cluster.running(folder / "slurm", cpus=args.cpus) as environment:
            seconds = on_slurm(there, args, environment)
            ran = jobs(environment)
        print(listing(ran))
        print(f"\non Slurm: {seconds:.0f} s, {len(ran)} jobs: {dict(Counter(job['state'] for job in ran))}")
        begin = time.monotonic()
        profile = ("--workflow-profile", str(PROFILES / "default"), "--cores", str(args.cpus))
        wait(start(here, args.configfile, profile, dict(os.environ)), here)
        alone = time.monotonic() - begin
        print(f"without: {alone:.0f} s")
        a, b = results(there), results(here)
        apart = sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
        print(f"masks and tables: {len(b)}, of which {len(apart)} differ{''.join(f' {name}' for name in apart[:10])}")
    print(f"slurm: {seconds / alone:.2f}x the time without")
    sys.exit(bool(apart))


def start(folder: Path, config: Path, profile: tuple[str, ...], environment: dict[str, str]) -> subprocess.Popen:
    folder.mkdir()
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        str(ROOT / "workflow/Snakefile"),
        "--directory",
        str(folder),
    ]
    command += ["--configfile", str(config.resolve()), *profile, "--set-threads", "memory_train=1"]
    with open(folder / "told.txt", "w") as told:
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=told, stderr=told)


def wait(run: subprocess.Popen, folder: Path) -> None:
    if run.wait():
        sys.exit((folder / "told.txt").read_text()[-5000:])


def on_slurm(folder: Path, args: argparse.Namespace, environment: dict[str, str]) -> float:
    """Run, and cancel the first job of the rule that is seen at work; seconds."""
    begin, cancelled = time.monotonic(), None
    run = start(folder, args.configfile, ("--workflow-profile", str(PROFILES / "slurm"), *HERE), environment)
    while run.poll() is None:
        if not cancelled:
            cancelled = next((j for j in jobs(environment) if at_work(j, args.cancel)), None)
            if cancelled:
                subprocess.run(["scancel", cancelled["id"]], env=environment, check=True)
        time.sleep(0.2)
    wait(run, folder)
    if not cancelled:
        sys.exit(f"no job of {args.cancel} was seen at work, so none was cancelled")
    return time.monotonic() - begin


def at_work(job: dict[str, str], rule: str) -> bool:
    return job["rule"].startswith(rule) and job["state"] == "RUNNING"


def jobs(environment: dict[str, str]) -> list[dict[str, str]]:
    """All jobs that there were, the first first; minutes:seconds that each ran."""
    command = ["squeue", "--states=all", "--noheader", "--format=%i %T %m %c %M %k"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    names = ("id", "state", "memory", "cpus", "ran", "rule")
    return sorted(
        (dict(zip(names, line.split(), strict=True)) for line in told.splitlines()), key=lambda j: int(j["id"])
    )


def listing(ran: list[dict[str, str]]) -> str:
    lines = ["| job | rule | state | memory | CPUs | ran |", "|---|---|---|---|---|---|"]
    return "\n".join(
        lines + [f"| {j['id']} | {j['rule']} | {j['state']} | {j['memory']} | {j['cpus']} | {j['ran']} |" for j in ran]
    )


def results(folder: Path) -> dict[str, str]:
    """Hash of each mask and each table of scores, by its name."""
    made = folder / "results"
    paths = [p for kind in ("refine/**/*.png", "evaluate/**/*.csv") for p in made.glob(f"*/{kind}")]
    return {str(p.relative_to(made)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


if __name__ == "__main__":
    main()
