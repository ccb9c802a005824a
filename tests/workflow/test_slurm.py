"""The workflow on a real Slurm that is started for it: a job is killed on the way, and the scores are the same."""

import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.workflow import slurm_cluster
from tests.workflow.held import contents, leftovers

pytestmark = pytest.mark.slow
PROFILE = ("--workflow-profile", "workflow/profiles/slurm")
# The test's cluster has no accounts, and no database that tells of ended jobs; and its jobs are short.
HERE = ("--slurm-no-account", "--slurm-status-command=squeue", "--slurm-init-seconds-before-status-checks=2")


@pytest.fixture
def slurm(needs):
    """The environment in which Slurm's commands speak to a cluster of one node."""
    needs("slurm", find_spec("snakemake_executor_plugin_slurm") is not None, "pip install '.[slurm]'")
    with tempfile.TemporaryDirectory(prefix="slurm") as folder:  # of a short name: sockets' may have 108 characters
        cluster = slurm_cluster.running(Path(folder), cpus=8)
        try:
            environment = cluster.__enter__()
        except slurm_cluster.Unavailable as why:
            needs("slurm", False, str(why))
        yield environment
        cluster.__exit__(None, None, None)


def told(environment, *command: str) -> list[list[str]]:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [line.split() for line in done.stdout.splitlines()]


def jobs(environment) -> list[dict[str, str]]:
    """All jobs that there were, the first first."""
    rows = told(environment, "squeue", "--states=all", "--noheader", "--format=%i %T %m %c %l %k")
    named = [dict(zip(("id", "state", "memory", "cpus", "time", "rule"), row, strict=True)) for row in rows]
    return sorted(named, key=lambda job: int(job["id"]))


def test_a_run_on_slurm_ends_as_one_here_though_a_job_is_killed(broken, finished, slurm, repository):
    for made in ("results", ".snakemake"):
        shutil.rmtree(broken.folder / made)  # the data set stays, with its times, which descriptions tell
    profile = (PROFILE[0], repository / PROFILE[1])
    command = [word for word in broken.command(*profile, *HERE) if word not in ("--cores", "2")]
    with open(broken.folder / "out.txt", "w") as out:
        run = subprocess.Popen(command, env={**slurm, "OMP_NUM_THREADS": "1"}, stdout=out, stderr=out)
    killed, end = None, time.monotonic() + 900
    while run.poll() is None and time.monotonic() < end:
        if not killed:
            here = [j for j in jobs(slurm) if j["rule"].startswith("rule_flow") and j["state"] == "RUNNING"]
            killed = here[0] if here else None
            if killed:
                told(slurm, "scancel", killed["id"])
        time.sleep(0.2)
    run.terminate()
    assert run.wait(60) == 0, (broken.folder / "out.txt").read_text()

    assert contents(broken) == contents(finished)
    assert leftovers(broken) == []
    ran = jobs(slurm)
    again = [j for j in ran if j["rule"] == killed["rule"]]
    assert [j["state"] for j in again] == ["CANCELLED", "COMPLETED"]
    assert [j["memory"] for j in again] == ["2000M", "4000M"]
    assert {j["state"] for j in ran if j["id"] != killed["id"]} == {"COMPLETED"}
    (training,) = (j for j in ran if j["rule"].startswith("rule_memory_train"))
    assert (training["cpus"], training["memory"], training["time"]) == ("8", "8000M", "1-00:00:00")
    assert not [j for j in ran if "config_resolved" in j["rule"]]  # what takes a second is done here
