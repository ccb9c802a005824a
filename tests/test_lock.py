"""A live run shuts its folder, a killed one does not."""

import os
import subprocess
import sys

from vosmem import lock

HOLD = "import sys, pathlib\nfrom vosmem import lock\nlock.enter(pathlib.Path(sys.argv[1]))\nprint(flush=True)\ninput()"


def test_the_locks_of_a_killed_run_are_cleared_away(tmp_path):
    folder = tmp_path / ".snakemake"
    run = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    run.stdout.readline()
    (folder / "locks").mkdir()
    (folder / "locks/0.output.lock").write_text("results/report.html\n")  # as Snakemake does
    descriptor, busy = lock.enter(folder)
    assert busy and (folder / "locks/0.output.lock").exists()
    os.close(descriptor)
    run.kill()
    run.wait()
    descriptor, busy = lock.enter(folder)
    assert not busy and not (folder / "locks").exists()
    os.close(descriptor)


def test_a_run_that_has_locked_nothing_is_no_hindrance(tmp_path):
    first, busy = lock.enter(tmp_path)
    second, also = lock.enter(tmp_path)
    assert (busy, also) == (False, False)
    os.close(first)
    os.close(second)
