"""Disk: what a run takes is told before it starts, what does not fit stops it, and what is not kept goes."""

import json

import pytest

from tests.workflow.conftest import Workflow
from tests.workflow.held import contents
from vosmem import room

CACHES = ("flow", "appearance", "motion")


@pytest.fixture
def large(workflow, config) -> Workflow:
    """Sequences that are described already, and as long as a film."""
    (workflow.folder / "results/tiny/frames").mkdir(parents=True)
    config["data"]["short_side"] = 480
    workflow.write(config)
    for name in ("a", "b", "c", "train"):
        frames = [f"{t}.jpg" for t in range(200_000)]
        described = {"frames": frames, "working_size": [480, 720], "defects": []}
        (workflow.folder / f"results/tiny/frames/{name}.json").write_text(json.dumps(described))
    return workflow


def test_what_does_not_fit_stops_the_run_before_it_starts(large):
    """And a dry run, which writes nothing, goes on."""
    needed = 4 * 200_000 * 2 * 2 * 480 * 720 * 2
    if room.free(large.folder) > needed:
        pytest.skip("needs a disk of less than 2 TB")
    assert large.planned()["flow"] == 4
    done = large.run("--until", "flow", check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "of disk" in line]
    assert len(lines) == 1
    assert "results/tiny: this run takes" in lines[0] and "are free; make room there" in lines[0]
    assert "cache.keep" in lines[0]
    assert not (large.folder / "results/tiny/flow").exists()


@pytest.mark.slow
def test_caches_that_are_not_kept_go_and_the_next_run_has_nothing_to_do(finished, workflow, config):
    config["cache"] = {"keep": []}
    workflow.write(config)
    done = workflow.run()
    assert "vosmem: results/tiny: this run takes" in done.stderr and "yet looked at" in done.stderr
    results = workflow.folder / "results/tiny"
    assert [p for stage in CACHES for p in (results / stage).rglob("*.h5")] == []
    assert (workflow.folder / "results/report.html").is_file()
    gone = tuple(f"results/tiny/{stage}/" for stage in CACHES)
    now, then = contents(workflow), contents(finished)  # descriptions tell the times of the frames
    described = ("results/tiny/frames/", "results/tiny/data/")
    assert {k: v for k, v in now.items() if not k.startswith(described)} == {
        k: v for k, v in then.items() if not k.startswith((*described, *gone))
    }
    again = workflow.run()
    assert "Nothing to be done" in again.stdout + again.stderr
    config["refine"]["threshold"] = 0.4  # below what was deleted
    assert {"flow", "appearance", "motion"}.isdisjoint(workflow.planned(config))
    config["memory"]["seed"] = 5  # and above it
    assert workflow.planned(config)["flow"] == 4


@pytest.mark.parametrize("keep", [["flow"], ["appearance", "motion"]])
def test_a_finished_run_stays_finished_whatever_is_kept(finished, config, keep):
    config["cache"] = {"keep": keep}
    assert finished.planned(config) == {"all": 1, "config_resolved": 1, "report": 1, "report_latest": 1}
