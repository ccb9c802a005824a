"""A live run shuts its folder, a killed one does not."""

import os
import subprocess
import sys

from vosmem import lock

HOLD = """
import pathlib, sys, time
from vosmem import lock
folder, since = pathlib.Path(sys.argv[1]), time.time()
lock.enter(folder)
(folder / "locks").mkdir(exist_ok=True)
(folder / "locks/0.output.lock").write_text("results/report.html")  # as Snakemake does
lock.note(folder, since)
print(flush=True)
input()
"""


def test_the_locks_of_a_killed_run_are_cleared_away(tmp_path):
    folder = tmp_path / ".snakemake"
    run = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    run.stdout.readline()
    descriptor, busy = lock.enter(folder)
    assert busy and (folder / "locks/0.output.lock").exists()
    os.close(descriptor)
    run.kill()
    run.wait()
    descriptor, busy = lock.enter(folder)
    assert not busy and not any((folder / "locks").iterdir())
    os.close(descriptor)


def test_the_locks_of_another_workflow_stay(tmp_path):
    """One that is not vosmem's may live in the same folder, or have been killed there."""
    (tmp_path / "locks").mkdir()
    other = tmp_path / "locks/0.input.lock"
    other.write_text("other.txt")
    os.utime(other, (1e9, 1e9))
    run = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    run.stdout.readline()
    run.kill()
    run.wait()
    descriptor, busy = lock.enter(tmp_path)
    assert not busy and [path.name for path in (tmp_path / "locks").iterdir()] == [other.name]
    os.close(descriptor)
    (tmp_path / "locks/0.output.lock").write_text("other.txt")  # later, of the same name
    descriptor, busy = lock.enter(tmp_path)
    assert not busy and len(list((tmp_path / "locks").iterdir())) == 2
    os.close(descriptor)


def test_a_run_that_has_locked_nothing_is_no_hindrance(tmp_path):
    first, busy = lock.enter(tmp_path)
    second, also = lock.enter(tmp_path)
    assert (busy, also) == (False, False)
    os.close(first)
    os.close(second)
