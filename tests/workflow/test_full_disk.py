"""A disk that runs full ends the run in one line, what was whole stays, and with room the same command goes on."""

import os
import shutil
import subprocess

import pytest

from tests.workflow.held import leftovers
from tests.workflow.test_cut_short import RESULTS, STAGES, same_as, unmake

# stage -> bytes that are left: enough for its log, too little for what it writes (its weights alone fit in 64 KiB)
LEFT = dict.fromkeys(("flow", "appearance", "motion", "memory_predict"), 1 << 16)
LEFT |= dict.fromkeys(("memory_train", "report"), 1 << 15)


@pytest.fixture
def small(broken):
    """A finished run whose results lie on a file system of their own."""
    results, aside = broken.folder / "results", broken.folder / "aside"
    results.rename(aside)
    results.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(results)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("needs the right to mount a file system")
    try:
        shutil.copytree(aside, results, dirs_exist_ok=True)
        yield broken
    finally:
        subprocess.run(["umount", "--lazy", str(results)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("stage", LEFT)
def test_a_full_disk_stops_a_run_in_one_line(finished, small, stage):
    unmake(small, stage)
    filler = small.folder / "results/filler"
    with open(filler, "wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(small.folder / "results").free - LEFT[stage])
    done = small.run(check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in told
    assert "make room there" in told  # before the first job, or in the job that found too little
    assert not (small.folder / RESULTS / STAGES[stage][0]).exists()
    assert [p for p in leftovers(small) if ".training-" not in p.name] == []
    filler.unlink()
    small.run()
    same_as(finished, small)
    assert leftovers(small) == []
