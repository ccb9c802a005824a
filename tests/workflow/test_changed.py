"""What changes under a finished run: noticed, named, and the right rules run again."""

import json
import os
import shutil

import h5py
import pytest

from tests.workflow.conftest import write_sequences
from tests.workflow.held import contents
from tests.workflow.test_cut_short import unmake
from tests.workflow.test_reruns import MEMORY, PAGE, SCORES
from vosmem.cli import main

RESULTS = "results/tiny"
LOOKED = {"frames": 1, "data": 1, "data_check": 1}
CACHED = {"flow": 1, "appearance": 1, "motion": 1}
SCORED = {"memory_predict": 1, "refine": 1, "evaluate": 1, "evaluate_summary": 1}
ONE = {**LOOKED, **CACHED, **SCORED}  # all of one sequence that is not trained on
SHOWN = {"all": 1, "report": 1, "report_latest": 1}


def replace(path, keep_time):
    """Other bytes, as many; with the time of the old ones if asked."""
    content, before = bytearray(path.read_bytes()), path.stat()
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    if keep_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_frames_are_known_by_their_bytes(finished, broken):
    frames = broken.folder / "tiny/JPEGImages/480p"
    assert broken.planned() == {}  # itself a copy
    for path in (frames / "b").iterdir():
        os.utime(path)
        path.chmod(0o600)
    assert broken.planned() == {}
    replace(frames / "b/00002.jpg", keep_time=False)
    assert broken.planned() == {**ONE, **SHOWN}
    shutil.copy2(finished.folder / "tiny/JPEGImages/480p/b/00002.jpg", frames / "b/00002.jpg")
    assert broken.planned() == {}  # the old one again
    replace(frames / "b/00002.jpg", keep_time=True)
    assert broken.planned() == {**ONE, **SHOWN}
    before = {p: p.stat().st_mtime_ns for p in (broken.folder / RESULTS).rglob("*.h5")}
    broken.run()
    assert {p.name for p, time in before.items() if p.stat().st_mtime_ns != time} == {"b.h5"}
    assert broken.planned() == {}
    replace(frames / "a/00002.jpg", keep_time=True)  # which is trained on
    planned = broken.planned()
    assert {rule: planned[rule] for rule in (*LOOKED, *CACHED)} == {**LOOKED, **CACHED}
    assert planned["memory_train"] == 1 and planned["memory_predict"] == 2


def test_masks_that_are_gone_are_told(finished, broken):
    """Snakemake knows of the file beside them alone, and has nothing to do."""
    (told,) = (broken.folder / RESULTS / "refine").rglob("b.json")
    assert "are gone" not in broken.run("--dry-run").stderr
    shutil.rmtree(told.with_suffix(""))
    said = broken.run("--dry-run").stderr
    path = told.relative_to(broken.folder)
    again = f"`snakemake --forcerun {path} --configfile {broken.folder / 'tiny.yaml'}` makes them anew"
    assert f"the masks beside 1 file are gone ({path}); {again}" in said
    broken.run("--forcerun", str(told.relative_to(broken.folder)))
    assert "are gone" not in broken.run("--dry-run").stderr
    assert contents(broken) == contents(finished)


@pytest.mark.parametrize("stage", ["refine", "evaluate"])
def test_results_that_are_gone_are_made_anew(finished, broken, stage):
    """Though the page, which is made of them, is there."""
    shutil.rmtree(broken.folder / RESULTS / stage)
    broken.run()
    assert contents(broken) == contents(finished)


def test_another_mask_makes_nothing_anew_that_is_made_of_frames(finished, broken):
    """Not even one of the same size and time is missed."""
    masks = broken.folder / "tiny/Annotations/480p"
    looked = {"data": 1, "data_check": 1}
    replace(masks / "b/00001.png", keep_time=True)
    assert broken.planned() == {**looked, "evaluate": 1, "evaluate_summary": 1, **SHOWN}
    shutil.copy2(finished.folder / "tiny/Annotations/480p/b/00001.png", masks / "b/00001.png")
    assert broken.planned() == {}
    replace(masks / "a/00001.png", keep_time=True)  # which is trained on
    assert broken.planned() == {**looked, **MEMORY, **SHOWN}


def test_masks_for_videos_that_were_segmented(workflow, config):
    """Who labels some, to score or to train, need not have the features of any computed again."""
    caches = [f"results/tiny/{stage}/a.h5" for stage in ("flow/dis", "appearance/mobilenet_v2")]
    (workflow.folder / "none.safetensors").write_bytes(b"")
    config["data"] = {"name": "tiny", "root": "tiny/JPEGImages/480p", "layout": "folder", "short_side": 64}
    workflow.write(config | {"memory": {"weights": "none.safetensors"}})
    workflow.run(*caches)
    config["data"] |= {"masks": "tiny/Annotations/480p", "train": ["a"], "test": ["b"]}
    assert workflow.planned(config, *caches) == {}
    assert workflow.planned(config, "results/tiny/data/a.json") == {"data": 1}


def test_a_sequence_more_is_looked_at_and_nothing_of_the_others(finished, config):
    write_sequences(finished.folder / "tiny", "d")
    try:
        config["data"]["test"] = ["b", "c", "d"]
        assert finished.planned(config) == {**ONE, **PAGE}
        config["data"] |= {"test": ["b", "c"], "train": ["a", "d", "train"]}
        assert finished.planned(config) == {**LOOKED, **CACHED, **MEMORY, **PAGE}
    finally:
        for kind in ("JPEGImages", "Annotations"):
            shutil.rmtree(finished.folder / f"tiny/{kind}/480p/d")


def test_a_sequence_less_runs_what_is_of_all(finished, config):
    config["data"]["test"] = ["b"]
    assert finished.planned(config) == {"data_check": 1, "evaluate_summary": 1, **PAGE}
    config["data"] |= {"test": ["b", "c"], "train": ["train"]}
    assert finished.planned(config) == {"data_check": 1, **MEMORY, **PAGE}


def test_a_folder_that_is_gone(broken, config):
    """Under `all` its sequence is no more; where it is named, the run stops before any job."""
    config["data"] |= {"test": "all", "train": ["a", "train"]}
    broken.planned(config)
    shutil.rmtree(broken.folder / "tiny/JPEGImages/480p/b")
    planned = broken.planned(config)
    assert planned["data_check"] == 1 and planned["evaluate_summary"] == 1
    assert "data" not in planned
    config["data"]["test"] = ["b", "c"]
    broken.write(config)
    done = broken.run(check=False)
    assert done.returncode == 1
    told = "config: data.test: got 'b', but tiny/JPEGImages/480p has no such sequence; it has a, c, train; correct"
    assert told in done.stdout + done.stderr


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip(path):
    with h5py.File(path) as plain:
        at = next(iter(plain.values())).id.get_chunk_info(2).byte_offset + 11
    content = bytearray(path.read_bytes())
    content[at] ^= 8
    path.write_bytes(content)


def other_format(path):
    with h5py.File(path, "a") as plain:
        plain.attrs["format_version"] = 9


def made(**changes):
    def spoil(path):
        with h5py.File(path, "a") as plain:
            plain.attrs["maker"] = json.dumps({**json.loads(plain.attrs["maker"]), **changes})
            del plain.attrs["heading_sha256"]

    return spoil


APPEARANCE, MOTION = "appearance/mobilenet_v2/{}.h5", "motion/camera_residual-dis/{}.h5"
# the fault -> the stage that reads the cache, the cache, what befalls it, what is told
FAULTS = {
    "truncated": ("memory_predict", MOTION.format("b"), truncate, "not a whole HDF5 file"),
    "a bit flipped": ("memory_predict", MOTION.format("b"), flip, "/probability cannot be read back"),
    "flow": ("motion", "flow/dis/b.h5", flip, "/forward cannot be read back"),
    "another format": ("memory_predict", APPEARANCE.format("b"), other_format, "has format version 9, expected 1"),
    "another stage version": (
        "memory_predict", APPEARANCE.format("b"), made(version=99), "was written by version 99 of the stage appearance",
    ),
    "other weights": (
        "memory_predict", APPEARANCE.format("b"), made(weights_sha256="f" * 64), "but the cached appearance is",
    ),
    "other weights, trained on": (
        "memory_train", APPEARANCE.format("a"), made(weights_sha256="f" * 64), "made by different networks",
    ),
    "memory": ("refine", "memory/lvo/b.h5", truncate, "not a whole HDF5 file"),
}  # fmt: skip


def check_fault(finished, broken, monkeypatch, capsys, fault):
    """The stage that reads it stops with one line; once verify has deleted what it finds, the command goes on."""
    stage, name, spoil, message = FAULTS[fault]
    path = broken.folder / RESULTS / name
    unmake(broken, stage)
    spoil(path)
    stopped = broken.run(check=False)
    told = stopped.stdout + stopped.stderr
    assert stopped.returncode == 1 and "Traceback" not in told
    lines = {line for line in told.splitlines() if message in line}
    assert len(lines) == 1
    line = lines.pop()
    assert "vosmem cache verify" in line
    assert f"{RESULTS}/{name}" in line or "weights.safetensors" in line
    monkeypatch.chdir(broken.folder)
    assert main(["cache", "verify", "--delete"]) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [f"{RESULTS}/{name}"]
    assert not path.exists()
    broken.run()
    assert contents(broken) == contents(finished)
    assert main(["cache", "verify"]) == 0
    assert broken.planned() == {}


def test_a_truncated_cache(finished, broken, monkeypatch, capsys):
    check_fault(finished, broken, monkeypatch, capsys, "truncated")


@pytest.mark.slow
@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "truncated"])
def test_a_spoilt_cache(finished, broken, monkeypatch, capsys, fault):
    check_fault(finished, broken, monkeypatch, capsys, fault)


def test_a_bit_that_flips_without_a_trace_is_found_by_verify(broken, monkeypatch, capsys):
    """Snakemake cannot know; what was made of the file before is right, so that nothing needs to run."""
    path = broken.folder / RESULTS / "flow/dis/b.h5"
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert broken.planned() == {}
    monkeypatch.chdir(broken.folder)
    assert main(["cache", "verify"]) == 1
    assert capsys.readouterr().out.startswith(f"{RESULTS}/flow/dis/b.h5: /forward cannot be read back")
    assert main(["cache", "verify", "--delete"]) == 0
    assert broken.planned() == {}


def test_other_weights_than_before(broken):
    """A user's file that is replaced makes its network's caches anew."""
    (broken.folder / "random.pth").write_bytes(b"others")
    assert broken.planned() == {"appearance": 4, **MEMORY, **SHOWN}
    assert SCORES.items() <= broken.planned().items()


def test_all_defects_are_told_whichever_job_meets_one_first(broken):
    for name in "bc":
        (broken.folder / f"tiny/JPEGImages/480p/{name}/00002.jpg").write_text("no image")
    done = broken.run(check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 1 and "Traceback" not in told
    for name in "bc":
        assert f"JPEGImages/480p/{name}/00002.jpg  cannot be read as an image" in told


def test_what_is_edited_in_one_go_with_the_list_of_sequences_counts(finished, config):
    """Where a job is to run, Snakemake does not ask what lies below for reasons of its own: nothing may hang on it."""
    config["data"]["test"] = ["b"]
    config["refine"]["threshold"] = 0.4
    config["memory"]["seed"] = 3
    assert finished.planned(config) == {
        "data_check": 1, "memory_train": 1, "memory_predict": 1, "refine": 1, "evaluate": 1, "evaluate_summary": 1,
        **PAGE,
    }  # fmt: skip
