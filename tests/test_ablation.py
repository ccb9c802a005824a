"""The rows of the ablation: each is the model with one thing changed, and a model that is there already is taken."""

import pytest

from vosmem import ablation, config
from vosmem.errors import UserError

DATA = {"name": "x", "root": "x", "train": ["a"], "test": ["b"]}


def resolve(**told):
    return config.resolve({"data": DATA, **told})


def difference(one, other):
    """The keys in which two models differ, ``section.key``."""
    return {f"{s}.{k}" for s in one for k in one[s] if one[s][k] != other[s][k]}


def test_without_seeds_there_are_no_rows():
    assert ablation.rows(resolve()) == [] and ablation.models(resolve()) == {}


def test_every_row_changes_one_thing_and_every_seed_is_a_model():
    memory = {"finer": 2}  # so that all is there that can be left out
    resolved = resolve(memory=memory, ablation={"seeds": [3, 5]}, models={"mine": {"memory": {"state": 8}}})
    rows, models = ablation.rows(resolved), ablation.models(resolved)
    assert (rows[0].group, len({(r.group, r.name) for r in rows})) == (ablation.WHOLE, len(rows))
    whole = models[rows[0].models[0]]
    groups = config.schema()["properties"]["ablation"]["properties"]["rows"]["items"]["enum"]
    assert {row.group for row in rows[1:]} == {*groups}
    expected = {
        "appearance": {"appearance.network", "memory.projection_kernel"}, "motion": {"motion.network"},
        "memory": {"memory.cell", "memory.bidirectional", "memory.shared"},
        "training": {"memory.stop_and_go", "memory.clip_length"}, "size": {"memory.state"},
        "beyond": {f"memory.{k}" for k in ("context", "finer", "overlap_loss", "standardise", "reach")},
        "refinement": set(),
    }  # fmt: skip
    changed = {}
    for row in rows[1:]:
        first, second = (models[name] for name in row.models)
        assert difference(first, second) == {"memory.seed"} and second["memory"]["seed"] == 5
        told = difference(first, whole)
        assert len(told) == (0 if row.group == "refinement" else 2 if row.name == "cnn" else 1)
        changed.setdefault(row.group, set()).update(told)
    assert changed == expected
    assert "mine" not in models


def test_models_that_are_there_are_taken():
    mine = {"nine": {"memory": {"steps": 9}}, "still": {"memory": {"steps": 9}, "motion": {"network": "none"}}}
    told = {"seeds": [0, 1], "memory": {"steps": 9}, "rows": ["motion"]}
    resolved = resolve(memory={"steps": 7}, ablation=told, models={"lvo": {}, **mine})
    rows = {row.name: row.models for row in ablation.rows(resolved)}
    assert rows["all"] == ("nine", "ablation-whole-all-s1")
    assert rows["none"] == ("still", "ablation-motion-none-s1")
    assert not {"nine", "still"} & {*ablation.models(resolved)}


def test_each_cached_layer_and_each_network_of_several():
    resolved = resolve(
        appearance={
            "network": ["efficientnet_lite0", "u2netp"],
            "layers": {"efficientnet_lite0": ["block4", "block15"]},
        },
        ablation={"seeds": [4], "rows": ["appearance"]},
    )
    models = ablation.models(resolved)
    rows = {row.what: models[row.models[0]] for row in ablation.rows(resolved)}
    alone = rows["efficientnet_lite0/block4 alone"]
    assert alone["memory"]["without"] == ["appearance/efficientnet_lite0/block15", "appearance/u2netp/sides"]
    assert rows["without u2netp"]["appearance"]["network"] == ["efficientnet_lite0"]
    assert rows["without u2netp"]["appearance"]["layers"] == {"efficientnet_lite0": ["block4", "block15"]}
    assert rows["without efficientnet_lite0"]["appearance"]["layers"] == []
    assert rows["colour alone"]["appearance"] | {"network": ""} == rows["no appearance"]["appearance"] | {"network": ""}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"memory": {"stpes": 1}}, r"config: ablation\.memory\.stpes: no such key"),
        ({"more": {"a": {"memory": {"state": 0}}}}, r"config: ablation\.more\.a\.memory\.state: got 0"),
        ({"more": {"a": {"motion": {"network": "none"}, "appearance": {"network": "none"}}}}, "are both none"),
    ],
)
def test_impossible_rows_are_told(told, message):
    with pytest.raises(UserError, match=message):
        ablation.models(resolve(ablation={"seeds": [0], **told}))
