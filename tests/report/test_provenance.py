"""Which weights a run's refinement ran on, and which sequences these had seen."""

import pytest
import torch

from vosmem import config, weights
from vosmem.refine import correction
from vosmem.report import provenance
from vosmem.report.models import Model


def refine(methods, **zoom):
    return config.section_defaults("refine", {"methods": methods, "zoom": zoom})


def test_the_closer_look_names_its_weights():
    used = provenance.weights_of_refinement(refine(["raw", "zoom"]))
    assert [row.name for row in used] == ["u2net", "zoom-u2net"]
    assert all(row.used_by == "refine" and row.sha256 == weights.entry(row.name).sha256 for row in used)
    assert provenance.weights_of_refinement(refine(["raw", "bilateral"])) == []
    own = refine(["zoom"], correction="none", weights=[1, 0, 0, 0, 0, 0, 0, 0])
    assert [row.name for row in provenance.weights_of_refinement(own)] == ["u2net"]
    assert provenance.weights_of_refinement(refine(["zoom"], correction="none")) == used  # the sum is of the same file


def test_what_the_shipped_correction_saw_counts_only_on_davis():
    used = provenance.weights_of_refinement(refine(["zoom"]))
    assert provenance.seen_by(used, lambda name: True) == {*weights.entry("zoom-u2net").saw_davis} != set()
    assert provenance.seen_by(used, lambda name: name == "bear") == {"bear"}


def test_a_correction_of_one_s_own_tells_what_it_saw(tmp_path):
    path = tmp_path / "mine.safetensors"
    correction.save(path, correction.Correction(), "u2net", ["a", "b"])
    (_, row) = used = provenance.weights_of_refinement(refine(["zoom"], correction=str(path)))
    assert (row.name, row.trained_on, row.sha256) == (f"correction: {path}", "2 sequences", weights.sha256(path))
    assert provenance.seen_by(used, lambda name: False) == {"a", "b"}
    weights.save(path, {"x": torch.zeros(1)}, {"trained_on": 3})
    assert provenance.weights_of_refinement(refine(["zoom"], correction=str(path)))[1].trained_on == "not stated"


@pytest.mark.parametrize("folds", [True, False])
def test_corrections_that_the_run_trained_by_fold(tmp_path, folds):
    """Of a fold's, which learned from others, nothing counts as seen; one for all has seen what it was trained on."""
    told = config.resolve({"data": {"name": "x", "root": "y", "train": ["a", "b"], "test": ["a", "b"]}})
    table = tmp_path / "folds.tsv"
    table.write_text("sequence\tfold\na\t0\nb\t1\n")
    settings = {**told["models"]["lvo"], "memory": {**told["models"]["lvo"]["memory"], "folds": str(table) * folds}}
    trained_on = {"0": ["b"], "1": ["a"]} if folds else {"": ["a"]}
    for fold, names in trained_on.items():
        folder = tmp_path / "correction/lvo" / (f"fold{fold}" if fold else "")
        folder.mkdir(parents=True, exist_ok=True)
        correction.save(folder / "weights.safetensors", correction.Correction(), "u2net", names, [1.0] * 8)
    model = Model("lvo", settings, dict.fromkeys(["0", "1", "2"] if folds else [""]), ())
    found = provenance.trained_corrections(tmp_path, model, refine(["zoom"], correction="trained"))
    assert {fold: list(row.sequences) for fold, row in found.items()} == trained_on
    names = ["correction of lvo (fold 0)", "correction of lvo (fold 1)"] if folds else ["correction of lvo"]
    assert [row.name for row in found.values()] == names
    seen = model.not_held_out({fold: row.sequences for fold, row in found.items()})
    assert seen == (set() if folds else {"a"})
    assert provenance.trained_corrections(tmp_path, model, refine(["zoom"])) == {}
    assert provenance.trained_corrections(tmp_path, model, refine(["raw"], correction="trained")) == {}
    assert [r.name for r in provenance.weights_of_refinement(refine(["zoom"], correction="trained"))] == ["u2net"]
