"""Dry runs: what is planned for every option."""

import re
import shlex

import pytest
import yaml

from tests.workflow.conftest import jobs
from vosmem import weights

ALL = {
    "all": 1, "frames": 4, "data": 4, "data_check": 1, "flow": 4, "appearance": 4, "motion": 4, "memory_train": 1,
    "memory_predict": 2, "refine": 2, "evaluate": 2, "evaluate_summary": 1, "config_resolved": 1, "report": 1,
    "report_latest": 1,
}  # fmt: skip


def without(*rules):
    return {name: n for name, n in ALL.items() if name not in rules}


def test_everything(workflow, config):
    assert workflow.planned(config) == ALL


@pytest.mark.parametrize("marked", [False, True])
def test_the_demo_is_not_rendered_over_a_data_set_of_the_users(workflow, config, marked):
    """Snakemake empties the folder before the job could look."""
    config["data"] |= {"source": "demo", "train": "train", "test": "val"}
    if marked:
        (workflow.folder / "tiny/demo.json").write_text("{}")
        assert workflow.planned(config)  # a demo that was rendered is taken
        (workflow.folder / "tiny/notes.txt").touch()
    workflow.write(config)
    done = workflow.run("--force", "demo", check=False)
    assert done.returncode == 1
    assert "config: data.source: demo: tiny holds" in done.stdout + done.stderr
    assert (workflow.folder / "tiny/JPEGImages/480p/a/00000.jpg").is_file()


def test_a_folder_that_is_not_there_is_told_before_any_job(workflow, config):
    """Also where the configuration lists the sequences."""
    config["data"] |= {"resolution": "1080p", "train": ["a"], "test": ["b"]}
    workflow.write(config)
    done = workflow.run("--dry-run", check=False)
    assert done.returncode == 1
    assert "tiny/JPEGImages/1080p is no folder (tiny/JPEGImages has 480p), expected" in done.stdout + done.stderr


def test_masks_alone(workflow, config):
    planned = workflow.planned(config, "masks")
    pages = ("all", "data_check", "evaluate", "evaluate_summary", "report", "report_latest")
    assert planned == {**without(*pages), "data": 2, "masks": 1}  # of what is trained on


def test_appearance_alone_needs_no_flow(workflow, config):
    config["motion"] = {"network": "none"}
    assert workflow.planned(config) == without("flow", "motion")


def test_motion_alone_needs_no_features(workflow, config):
    config["appearance"] = {"network": "none"}
    assert workflow.planned(config) == without("appearance")


def test_models_share_the_caches_above_them(workflow, config):
    config["models"] = {"lvo": {}, "other": {"memory": {"seed": 1}}, "alone": {"motion": {"network": "none"}}}
    assert workflow.planned(config) == {
        **ALL, "memory_train": 3, "memory_predict": 6, "refine": 6, "evaluate": 6, "evaluate_summary": 3,
    }  # fmt: skip


def test_another_motion_network_is_another_cache(workflow, config):
    config["models"] = {"lvo": {}, "magnitude": {"motion": {"network": "flow_magnitude"}}}
    assert workflow.planned(config)["motion"] == 8
    assert workflow.planned(config)["flow"] == 4


def test_weights_of_another_run_need_no_training_sequences(workflow, config):
    (workflow.folder / "other.safetensors").write_bytes(b"")
    config["memory"] = {"weights": "other.safetensors"}
    config["data"]["train"] = []
    expected = {
        **without("memory_train"),
        "memory_adopt": 1,
        "frames": 2,
        "data": 2,
        "flow": 2,
        "appearance": 2,
        "motion": 2,
    }
    assert workflow.planned(config) == expected


def test_a_folder_of_videos_is_segmented_and_not_scored(workflow, config):
    (workflow.folder / "other.safetensors").write_bytes(b"")
    config["data"] = {"name": "videos", "root": "tiny/JPEGImages/480p", "layout": "folder", "short_side": 64}
    config["memory"] = {"weights": "other.safetensors"}
    planned = workflow.planned(config)
    assert planned["refine"] == 4
    assert "evaluate" not in planned
    assert planned["report"] == 1


def test_video_files_are_segmented_and_not_scored(workflow, config):
    (workflow.folder / "other.safetensors").write_bytes(b"")
    (workflow.folder / "films").mkdir()
    for name in ("a.mp4", "b c.MOV", "notes.txt"):
        (workflow.folder / "films" / name).write_bytes(b"")
    config["data"] = {"name": "videos", "root": "films", "layout": "videos", "short_side": 64}
    config["memory"] = {"weights": "other.safetensors"}
    planned = workflow.planned(config)
    assert (planned["data"], planned["refine"], planned["report"]) == (2, 2, 1)
    assert "evaluate" not in planned and "overlay" not in planned
    config["refine"] = {"methods": ["raw", "guided"]}
    assert workflow.planned(config, "overlays")["overlay"] == 4
    config["data"]["test"] = ["b c"]
    assert workflow.planned(config)["refine"] == 2


def test_video_files_are_not_trained_on(workflow, config):
    config["data"] |= {"layout": "videos"}
    workflow.write(config)
    done = workflow.run("--dry-run", check=False)
    assert done.returncode == 1
    assert "config: data.train: names sequences, but the layout videos has no masks" in done.stdout + done.stderr


def test_sequences_from_a_file_or_all(workflow, config):
    (workflow.folder / "list.txt").write_text("/JPEGImages/480p/b/00000.jpg /Annotations/480p/b/00000.png\n")
    config["data"]["test"] = "list.txt"
    assert workflow.planned(config)["refine"] == 1
    config["data"]["test"] = "all"
    assert workflow.planned(config)["refine"] == 4


def test_known_weights_are_fetched_once(workflow, config):
    for network in ("efficientnet_lite0", "u2netp"):
        config["appearance"] = {"network": network}
        assert workflow.planned(config) == {**ALL, "weights": 1}


def test_weights_of_an_address_are_fetched_once(workflow, config):
    config["appearance"] = {"network": "deeplab_largefov", "weights": "https://example.org/a b's.caffemodel"}
    workflow.write(config)
    told = workflow.run("--dry-run", "--printshellcmds").stdout
    assert jobs(told)["weights"] == 1
    assert shlex.quote(config["appearance"]["weights"]) in told
    assert f"{weights.file_for('', config['appearance']['weights'])}" in told


def test_learned_flow_waits_for_its_weights(workflow, config):
    config["flow"] = {"estimator": "raft"}
    assert workflow.planned(config) == {**ALL, "weights": 1}
    config["flow"]["weights"] = "mine.pth"
    (workflow.folder / "mine.pth").write_bytes(b"")
    assert workflow.planned(config) == ALL
    done = workflow.run("--dry-run", "--printshellcmds", "results/tiny/flow/raft/b.h5")
    assert '"estimator": "raft"' in done.stdout and '"weights": "mine.pth"' in done.stdout
    assert "--threads 1" in done.stdout


def test_jobs_take_the_threads_that_snakemake_gives_them(workflow, config):
    workflow.write(config)
    asked = ("--set-threads", *(f"{rule}=2" for rule in ("flow", "appearance", "memory_predict", "refine")))
    told = workflow.run("--dry-run", "--printshellcmds", "--cores", "2", *asked).stdout
    commands = re.findall(r"python -m vosmem (flow|appearance|memory predict|refine) .*? --threads (\d)", told)
    assert {*commands} == {(command, "2") for command in ("flow", "appearance", "memory predict", "refine")}


def test_another_estimator_is_another_cache(workflow, config):
    config["models"] = {"lvo": {}, "learned": {"flow": {"estimator": "raft"}}}
    planned = workflow.planned(config)
    assert (planned["flow"], planned["motion"], planned["appearance"], planned["weights"]) == (8, 8, 4, 1)


def test_the_demo_is_rendered_first(workflow, config):
    config["data"] = {"name": "demo", "root": "resources/demo", "source": "demo", "train": "train", "test": "val"}
    planned = workflow.planned(config)
    assert planned["demo"] == 1
    assert planned["data"] == 10


def test_single_files_can_be_asked_for(workflow, config):
    assert workflow.planned(config, "results/tiny/flow/dis/b.h5") == {"frames": 1, "flow": 1}


def test_a_missing_data_set_is_one_line(workflow, config):
    config["data"] |= {"root": "nowhere", "test": "all"}
    workflow.write(config)
    done = workflow.run("--dry-run", check=False)
    assert done.returncode == 1
    assert "data.root: nowhere/JPEGImages/480p is no folder" in done.stdout + done.stderr


def test_a_config_file_stands_alone(workflow, config, repository):
    """Nothing of config.yaml in the working folder leaks into a run that is given another file."""
    (workflow.folder / "config.yaml").write_text((repository / "config.yaml").read_text())
    assert workflow.planned(config) == ALL
    (workflow.folder / "config.yaml").write_text(yaml.safe_dump(config))
    done = workflow.run("--dry-run", "results/tiny/config.yaml")
    assert "results/tiny/config.yaml" in done.stdout


def test_several_networks_are_several_caches(workflow, config):
    config["motion"] = {"network": ["camera_residual", "flow_magnitude"]}
    assert workflow.planned(config) == {**ALL, "motion": 8}


def test_a_fold_s_correction_learns_from_what_the_other_folds_memories_make_of_sequences_they_did_not_see(
    workflow, config
):
    (workflow.folder / "folds.tsv").write_text("sequence\tfold\na\t0\nb\t1\nc\t2\n")
    config["data"] |= {"train": ["a", "b", "c", "train"], "test": ["a", "b", "c"]}
    config["memory"]["folds"] = "folds.tsv"
    config["refine"] = {"methods": ["raw", "zoom"], "zoom": {"correction": "trained"}}
    planned = workflow.planned(config)
    assert (planned["memory_train"], planned["correction_train"], planned["refine"]) == (3, 3, 6)
    told = workflow.run("--dry-run", "results/tiny/refine/lvo/zoom/b.json").stdout
    (training,) = [part for part in told.split("rule ") if part.startswith("correction_train:")]
    of = {f"{folder}/{seq}" for folder in ("memory/lvo", "flow/dis") for seq in "ac"}
    assert set(re.findall(r"results/tiny/((?:memory/lvo|flow/dis)/\w+)\.h5", training)) == of  # not train, in no fold
    assert "correction/lvo/fold1/weights.safetensors" in training
    config["refine"]["methods"] = ["raw"]
    assert "correction_train" not in workflow.planned(config)
    told = workflow.run("--dry-run", "results/tiny/correction/lvo/weights.safetensors").stdout  # as vosmem's own
    (training,) = [part for part in told.split("rule ") if part.startswith("correction_train:")]
    assert set(re.findall(r"results/tiny/memory/lvo/(\w+)\.h5", training)) == {*"abc"}


def test_folds_are_trained_one_by_one_and_the_rest_on_all(workflow, config):
    (workflow.folder / "folds.tsv").write_text("sequence\tfold\na\t0\ntrain\t0\nb\t1\n")
    config["data"] |= {"train": ["a", "b", "train"], "test": ["a", "b", "c"]}
    config["memory"]["folds"] = "folds.tsv"
    planned = workflow.planned(config)
    assert (planned["memory_train"], planned["memory_predict"]) == (3, 3)
    told = workflow.run("--dry-run", "results/tiny/memory/lvo/a.h5").stdout
    (training,) = [part for part in told.split("rule ") if part.startswith("memory_train:")]
    assert "memory/lvo/fold0/weights.safetensors" in training
    assert "data/b.json" in training
    assert "data/train.json" not in training
