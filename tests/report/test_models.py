"""Groups of seeds, and what was seen in training."""

import pytest

from vosmem import config, weights
from vosmem.report.models import MemoryWeights, Model, common_name, group
from vosmem.report.scores import Summary


def models(**rows):
    told = config.resolve({"data": {"name": "x", "root": "x", "train": ["a"]}, "models": rows})["models"]
    return [Model(name, settings, {}, ()) for name, settings in told.items()]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["both-0", "both-1", "both-2"], "both"),
        (["both-seed0", "both-seed1"], "both"),
        (["both_s1", "both_s2"], "both"),
        (["lvo.10", "lvo.11", "lvo.12"], "lvo"),
        (["lvo1", "lvo2"], "lvo"),
        (["ablations-1", "ablations-2"], "ablations"),
        (["lvo"], "lvo"),
        (["lvo", "lvo-seed1", "lvo-seed2"], "lvo"),
        (["one", "two"], "one + two"),
    ],
)
def test_a_group_is_named_by_what_its_members_share(names, expected):
    assert common_name(names) == expected


def test_models_that_differ_only_in_the_seed_are_one_group():
    both = {f"both-{seed}": {"memory": {"seed": seed}} for seed in range(3)}
    motion = {f"motion-{seed}": {"appearance": {"network": "none"}, "memory": {"seed": seed}} for seed in range(3)}
    groups = group(models(**both, **motion, small={"memory": {"state": 8}}))
    assert [(g.name, [m.name for m in g.models]) for g in groups] == [
        ("both", list(both)),
        ("motion", list(motion)),
        ("small", ["small"]),
    ]


def test_a_group_does_not_take_another_model_s_name():
    rows = {"lvo-0": {}, "lvo-1": {"memory": {"seed": 1}}, "lvo": {"memory": {"state": 8}}}
    assert [g.name for g in group(models(**rows))] == ["lvo-0 + lvo-1", "lvo"]


def test_figures_of_a_group_are_over_its_seeds():
    told = [
        Model(m.name, m.settings, {}, (), {"raw": Summary({"a": {"T": T}}, {"T": mean})})
        for m, T, mean in zip(models(a={}, b={"memory": {"seed": 1}}), (0.25, None), (0.25, 0.75), strict=True)
    ]
    (one,) = group(told)
    assert (one.spread("raw", "T").mean, one.spread("raw", "T").low, one.spread("raw", "T").high) == (0.5, 0.25, 0.75)
    assert one.spread("raw", "T", "a").count == 1
    assert one.spread("raw", "T", "b") is None
    assert one.spread("crf", "T") is None


def test_what_the_frozen_networks_saw_counts_only_on_davis(monkeypatch):
    (model,) = models(lvo={})
    entry = weights.entry("u2netp")
    saw = weights.Entry(**{**entry.__dict__, "saw_davis": ("bear", "bus")})
    monkeypatch.setattr(weights, "registry", lambda: {saw.name: saw})
    assert model.seen(lambda name: name == "bear") == {"bear"}
    assert model.seen(lambda name: False) == frozenset()


def test_a_sequence_is_seen_where_the_weights_that_segment_it_were_trained_on_it(tmp_path):
    folds = tmp_path / "folds.tsv"
    folds.write_text("sequence\tfold\na\t0\nb\t1\n")
    (model,) = models(lvo={"memory": {"folds": str(folds)}})

    def told(*trained_on):
        return MemoryWeights("", trained_on, {}, "")

    def seen(**parts):
        return Model("lvo", model.settings, {k.strip("_"): v for k, v in parts.items()}, ()).seen(lambda name: False)

    assert seen(_0=told("b", "c"), _1=told("a", "c")) == frozenset()
    assert seen(_0=told("a", "c"), _1=told("a", "c")) == {"a"}
    assert seen(_0=told("b"), _=told("a", "b", "c")) == {"c"}
