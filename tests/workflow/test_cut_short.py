"""A run that is cut short, in any stage and by any signal: the same command goes on and ends as if nothing had been."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.workflow.held import Held, contents, held_by, leftovers

RESULTS = "results/tiny"
# stage -> (its missing output, where its job is held: after some rows of an HDF5 file, or before another one is made)
STAGES = {
    "frames": ("frames/b.json", "/frames/b.json"),
    "data": ("data/b.json", "/data/b.json"),
    "flow": ("flow/dis/b.h5", "/flow/dis/.b.*"),
    "appearance": ("appearance/mobilenet_v2/b.h5", "/appearance/mobilenet_v2/.b.*"),
    "motion": ("motion/camera_residual-dis/b.h5", "/motion/camera_residual-dis/.b.*"),
    "memory_train": ("memory/lvo/weights.safetensors", "/memory/lvo/weights.safetensors"),
    "memory_predict": ("memory/lvo/b.h5", "/memory/lvo/.b.*"),
    "refine": ("refine/lvo/raw/b.json", "/refine/lvo/raw/.b.*/00002.png"),
    "evaluate": ("evaluate/lvo/raw/b.csv", "/evaluate/lvo/raw/b.csv"),
    "evaluate_summary": ("evaluate/lvo/raw/summary.csv", "/evaluate/lvo/raw/summary.csv"),
    "report": ("report.html", "/report.html"),
}
SIGNALS = {"killed": signal.SIGKILL, "stopped": signal.SIGTERM, "interrupted": signal.SIGINT}


def unmake(run, stage):
    """Take away what a stage made of sequence b, and what was made of that: Snakemake asks for no less."""
    names = list(STAGES)
    for name in names[names.index(stage) :]:
        (run.folder / RESULTS / STAGES[name][0]).unlink()
    (run.folder / "results/report.html").unlink()


def same_as(finished, run):
    """Scores and masks are those of an unbroken run, and so is every cache that is there.

    One may be absent: Snakemake does not make anew what was cut if what was made of it before is still right.
    """
    now, then = contents(run), contents(finished)
    assert now == {name: then[name] for name in then if name in now or not name.endswith(".h5")}


def check_cut(finished, run, stage, number):
    """Cut a run short in `stage`; then the same command goes on."""
    output = run.folder / RESULTS / STAGES[stage][0]
    unmake(run, stage)
    above = {p: p.stat().st_mtime_ns for p in (run.folder / RESULTS).rglob("*.h5")}
    Held(run, f"{RESULTS}{STAGES[stage][1]}").end(number)
    assert not output.exists()
    done = run.run()
    assert "Traceback" not in done.stdout + done.stderr
    same_as(finished, run)
    assert leftovers(run) == []
    if stage == "memory_predict":  # nothing is done twice but what was cut
        assert all(path.stat().st_mtime_ns == made for path, made in above.items())
    assert run.planned() == {}


def test_a_killed_run_goes_on(finished, broken):
    check_cut(finished, broken, "flow", signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("fault", SIGNALS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_run_cut_short_in_any_stage_goes_on(finished, broken, stage, fault):
    check_cut(finished, broken, stage, SIGNALS[fault])


@pytest.mark.slow
def test_a_killed_training_goes_on_at_its_last_state(finished, broken):
    unmake(broken, "memory_train")
    Held(broken, f"{RESULTS}/memory/lvo/weights.safetensors").end(signal.SIGKILL)
    assert [p.suffix for p in leftovers(broken) if ".training-" in p.name] == [".pt"]
    broken.run()
    log = next((broken.folder / RESULTS / "logs/memory_train").rglob("*.log")).read_text()
    assert "going on from step 2 of 3" in log
    same_as(finished, broken)
    assert leftovers(broken) == []


@pytest.mark.slow
def test_jobs_that_outlive_their_run_do_no_harm(finished, broken):
    """Snakemake alone is killed, as by the system when memory runs out: its job ends by itself, later."""
    unmake(broken, "flow")
    held = Held(broken, f"{RESULTS}/flow/dis/.b.*")
    os.kill(held.process.pid, signal.SIGKILL)
    held.process.wait(60)
    broken.run()
    same_as(finished, broken)
    held.end(signal.SIGTERM)
    same_as(finished, broken)


def test_two_runs_of_one_folder_exclude_each_other(finished, broken):
    unmake(broken, "motion")
    first = Held(broken, f"{RESULTS}/motion/camera_residual-dis/.b.*")
    try:
        second = broken.run(check=False)
        assert second.returncode == 1 and "Traceback" not in second.stderr
        assert "vosmem: another run goes on in this folder; wait for it, or end it" in second.stderr
        assert first.process.poll() is None
        assert broken.planned()["motion"] == 1  # a dry run does no harm
    finally:
        first.end(signal.SIGTERM)
    broken.run()
    same_as(finished, broken)
    with pytest.raises(ProcessLookupError):
        os.kill(first.job, 0)


def test_a_job_told_to_stop_leaves_nothing_half(tmp_path, broken):
    """One command alone, as a cluster's time limit ends it."""
    out, held = tmp_path / "f.h5", tmp_path / "held"
    command = [sys.executable, "-m", "vosmem", "flow", RESULTS + "/data/b.json", "--settings", "{estimator: dis}"]
    job = subprocess.Popen(
        [*command, "--out", str(out)], cwd=broken.folder, env=held_by("*/.f.*", held), stderr=subprocess.PIPE, text=True
    )
    while not held.exists() and job.poll() is None:
        time.sleep(0.05)
    assert [p.name for p in tmp_path.glob(".f.*")]
    job.terminate()
    told = job.communicate(timeout=60)[1]
    assert job.returncode == 143 and "told to stop" in told and "Traceback" not in told
    assert not out.exists() and not list(tmp_path.glob(".f.*"))
