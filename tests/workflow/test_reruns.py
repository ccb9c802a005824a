"""A finished run: a second one has nothing to do, and editing a key re-runs exactly what depends on it."""

import re

import pytest
import torch

from tests.appearance import u2netp_file
from tests.workflow.conftest import make
from vosmem import weights
from vosmem.refine import correction

SCORES = {"evaluate": 2, "evaluate_summary": 1}
MASKS = {"refine": 2, **SCORES}
MEMORY = {"memory_train": 1, "memory_predict": 2, **MASKS}
# whatever key is edited: the config saved beside the results, and the page that shows it
PAGE = {"all": 1, "config_resolved": 1, "report": 1, "report_latest": 1}

EDITS = {
    "data.short_side": (
        96,
        {"frames": 4, "data": 4, "data_check": 1, "flow": 4, "appearance": 4, "motion": 4, **MEMORY},
    ),
    "data.frames": (4, {"frames": 4, "data": 4, "data_check": 1, "flow": 4, "appearance": 4, "motion": 4, **MEMORY}),
    "flow.preset": ("fast", {"flow": 4, "motion": 4, **MEMORY}),
    "flow.backward": (False, {"flow": 4, "motion": 4, **MEMORY}),
    "appearance.layers": (["block2"], {"appearance": 4, **MEMORY}),
    "motion.pool": (True, {"motion": 4, **MEMORY}),
    "memory.seed": (7, MEMORY),
    "refine.threshold": (0.4, MASKS),
    "evaluate.measures": (["J"], SCORES),
    "evaluate.protocol": ("segtrack", SCORES),
    "report.title": ("New", {}),
    "report.frames": (7, {}),
}


def test_a_second_run_has_nothing_to_do(finished, config):
    finished.write(config)
    assert "Nothing to be done" in finished.run().stdout + finished.run().stderr


@pytest.mark.parametrize("key", EDITS)
def test_editing_a_key_reruns_exactly_what_depends_on_it(finished, config, key):
    section, name = key.split(".")
    value, expected = EDITS[key]
    config.setdefault(section, {})[name] = value
    assert finished.planned(config) == {**expected, **PAGE}


def test_what_is_told_of_an_edited_key_can_be_read(finished, config):
    config["report"] = {"title": "New"}
    finished.write(config)
    told = re.findall(r"^    reason: (.*)$", finished.run("--dry-run").stdout, re.M)
    assert any("Params have changed" in reason for reason in told)
    assert max(map(len, told)) < 400  # not the whole configuration, twice


def test_the_device_is_no_part_of_a_result(finished, config):
    config["device"] = "auto"
    assert finished.planned(config) == PAGE


def test_a_new_model_leaves_the_others_alone(finished, config):
    config["models"] = {"lvo": {}, "new": {"memory": {"seed": 3}}}
    assert finished.planned(config) == {**MEMORY, **PAGE}


@pytest.mark.slow
def test_a_methods_keys_rerun_that_method_alone(changed, config):
    config["refine"] = {"methods": ["raw", "guided", "crf"]}
    changed.write(config)
    changed.run()
    config["refine"]["crf"] = {"iterations": 2}
    assert changed.planned(config) == {**MASKS, **PAGE}
    changed.write(config)
    changed.run()
    config["refine"]["temporal"] = {"weight": 0.5}  # raw is of each frame by itself
    assert changed.planned(config) == {"refine": 4, "evaluate": 4, "evaluate_summary": 2, **PAGE}
    del config["refine"]["temporal"]
    config["refine"]["votes"] = {"weight": 0.5}  # raw has no vote either
    assert changed.planned(config) == {"refine": 4, "evaluate": 4, "evaluate_summary": 2, **PAGE}
    config["refine"]["votes"] = {"weight": 0}
    config["models"] = {"lvo": {"motion": {"network": "none"}}}  # and so is what has no motion stream
    assert "flow" not in changed.planned(config)
    config.pop("models")
    config["refine"]["threshold"] = 0.4
    assert changed.planned(config) == {"refine": 6, "evaluate": 6, "evaluate_summary": 3, **PAGE}


@pytest.mark.slow
def test_another_correction_reruns_the_closer_look_alone(changed, config):
    (changed.folder / "resources/weights").mkdir(parents=True)
    u2netp_file.write(changed.folder / "resources/weights/u2netp.onnx", u2netp_file.numbers())
    mine = changed.folder / "mine.safetensors"
    correction.save(mine, correction.Correction(), "u2netp", [], [1.0] * 8)
    config["refine"] = {"methods": ["raw", "zoom"], "zoom": {"network": "u2netp", "correction": "none"}}
    changed.write(config)
    changed.run()
    for setting in ("shipped", "mine.safetensors"):
        config["refine"]["zoom"]["correction"] = setting
        assert changed.planned(config) == {**MASKS, **PAGE}
    changed.write(config)
    changed.run()
    model = correction.Correction()
    torch.nn.init.ones_(model.out.weight)
    correction.save(mine, model, "u2netp", [], [1.0] * 8)
    planned = changed.planned(config)
    assert {rule: planned.get(rule) for rule in MASKS} == MASKS and "memory_predict" not in planned
    config["refine"]["zoom"]["network"] = "u2net"
    changed.write(config)
    told = changed.run("--dry-run", check=False)
    assert told.returncode != 0
    assert "config: refine.zoom.correction: mine.safetensors: corrects what u2netp sees" in told.stdout + told.stderr
    config["refine"]["zoom"] = {"network": "u2netp", "correction": "none.safetensors"}
    changed.write(config)
    told = changed.run("--dry-run", check=False)
    assert told.returncode != 0
    assert "config: refine.zoom.correction: got none.safetensors, which is no file" in told.stdout + told.stderr


@pytest.mark.slow
def test_corrections_trained_fold_by_fold(changed, config):
    """From nothing to the page, which tells what each had seen; what they learn with reruns them and no memory."""
    (changed.folder / "resources/weights").mkdir(parents=True)
    u2netp_file.write(changed.folder / "resources/weights/u2netp.onnx", u2netp_file.numbers())
    (changed.folder / "folds.tsv").write_text("sequence\tfold\na\t0\nb\t1\nc\t1\n")
    config["data"] |= {"train": ["a", "b", "c"], "test": ["a", "b", "c"]}
    config["memory"]["folds"] = "folds.tsv"
    # so no look counts, and a thousand steps are saved
    strict = {"network": "u2netp", "correction": "trained", "agreement": [0.98, 1]}
    config["refine"] = {"methods": ["raw", "zoom"], "zoom": strict}
    changed.write(config)
    changed.run()
    folder = changed.folder / "results/tiny/correction/lvo"
    seen = {n: weights.metadata(folder / f"fold{n}/weights.safetensors")["trained_on"] for n in (0, 1)}
    assert seen == {0: ["b", "c"], 1: ["a"]}
    page = (changed.folder / "results/report.html").read_text()
    assert "correction of lvo (fold 0)" in page and "correction of lvo (fold 1)" in page
    assert changed.planned() == {}
    config["refine"]["zoom"]["weights"] = [1, *[0] * 7]  # which are those of the files
    assert changed.planned(config) == PAGE
    config["refine"]["zoom"]["margin"] = 0.5
    zoomed = {"refine": 3, "evaluate": 3, "evaluate_summary": 1}
    assert changed.planned(config) == {"correction_train": 2, **zoomed, **PAGE}


@pytest.fixture
def changed(tmp_path, repository, random_weights):
    """A finished run of its own, whose files may be changed."""
    done = make(tmp_path / "run", repository, random_weights)
    done.run()
    return done
