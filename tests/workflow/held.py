"""The tiny workflow run, held in the middle of a stage, and compared with an unbroken run."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from pathlib import Path

import h5py

from tests.workflow.conftest import Workflow

HOLD = Path(__file__).parent / "hold"


def held_by(pattern: str, held: Path) -> dict[str, str]:
    """The environment in which a job is held, see hold/sitecustomize.py."""
    path = f"{HOLD}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path, "VOSMEM_HOLD": pattern, "VOSMEM_HELD": str(held)}


def _heeds_ctrl_c() -> None:
    """Undo what the tests may have from their own parent: a shell has what it starts in the background ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Held:
    """Snakemake at work, with one job held in the middle."""

    def __init__(self, run: Workflow, pattern: str):
        held = run.folder / "held"
        environment = held_by(f"*{pattern}", held)
        with open(run.folder / "out.txt", "w") as out:
            self.process = subprocess.Popen(
                run.command(), stdout=out, stderr=out, env=environment, start_new_session=True, preexec_fn=_heeds_ctrl_c
            )
        end = time.monotonic() + 120
        while not held.exists() or not held.read_text():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"no job was held:\n{(run.folder / 'out.txt').read_text()}")
            time.sleep(0.05)
        self.job = int(held.read_text())
        held.unlink()

    def end(self, number: signal.Signals) -> None:
        """Send a signal to Snakemake and all that it started, as a terminal or a cluster does, and wait for the end."""
        os.killpg(self.process.pid, number)
        self.process.wait(60)


def contents(run: Workflow) -> dict[str, str]:
    """What the results say, by file: the tables, the masks, and the data of the caches."""
    found = {}
    for path in sorted((run.folder / "results").rglob("*")):
        if ".part" in path.name:
            continue  # of a job at work, or left behind: see leftovers
        name = str(path.relative_to(run.folder))
        if path.suffix in (".png", ".csv", ".json") and "/benchmarks/" not in name and path.name != "history.csv":
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif path.suffix == ".h5":
            with h5py.File(path) as file:
                found[name] = hashlib.sha256(b"".join(file[key][:].tobytes() for key in file)).hexdigest()
    return found


def leftovers(run: Workflow) -> list[Path]:
    """Half-written files."""
    return [p for p in run.folder.rglob("*") if ".part" in p.name or ".training-" in p.name]
