"""Which weights a run's refinement ran on, and which sequences these had seen."""

import torch

from vosmem import config, weights
from vosmem.refine import correction
from vosmem.report import provenance


def refine(methods, **zoom):
    return config.section_defaults("refine", {"methods": methods, "zoom": zoom})


def test_the_closer_look_names_its_weights():
    used = provenance.weights_of_refinement(refine(["raw", "zoom"]))
    assert [row.name for row in used] == ["u2netp", "zoom"]
    assert all(row.used_by == "refine" and row.sha256 == weights.entry(row.name).sha256 for row in used)
    assert provenance.weights_of_refinement(refine(["raw", "bilateral"])) == []
    assert [row.name for row in provenance.weights_of_refinement(refine(["zoom"], correction="none"))] == ["u2netp"]


def test_what_the_shipped_correction_saw_counts_only_on_davis():
    used = provenance.weights_of_refinement(refine(["zoom"]))
    assert provenance.seen_by(used, lambda name: True) == {*weights.entry("zoom").saw_davis} != set()
    assert provenance.seen_by(used, lambda name: name == "bear") == {"bear"}


def test_a_correction_of_one_s_own_tells_what_it_saw(tmp_path):
    path = tmp_path / "mine.safetensors"
    correction.save(path, correction.Correction(), ["a", "b"])
    (_, row) = used = provenance.weights_of_refinement(refine(["zoom"], correction=str(path)))
    assert (row.name, row.trained_on, row.sha256) == (f"correction: {path}", "2 sequences", weights.sha256(path))
    assert provenance.seen_by(used, lambda name: False) == {"a", "b"}
    weights.save(path, {"x": torch.zeros(1)}, {"trained_on": 3})
    assert provenance.weights_of_refinement(refine(["zoom"], correction=str(path)))[1].trained_on == "not stated"
