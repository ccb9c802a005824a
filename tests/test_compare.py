"""Rows of a comparison: what a name means, and what is none."""

from pathlib import Path

import pytest

from vosmem import compare, config
from vosmem.errors import UserError

MODELS = {"lvo": {}, "motion": {"appearance": {"network": "none"}}}


def rows(*names):
    told = {"data": {"name": "toy", "root": "toy", "train": ["a"], "test": ["b"]}, "models": MODELS,
            "refine": {"methods": ["raw", "bilateral"]}, "compare": {"rows": list(names)}}  # fmt: skip
    return compare.rows(config.resolve(told), [*MODELS, "ablation-memory-none-s0"])


def test_none_named_are_all_models_by_the_last_method():
    assert [(r.name, r.results, r.model, r.method) for r in rows()] == [
        ("lvo", None, "lvo", "bilateral"),
        ("motion", None, "motion", "bilateral"),
    ]


def test_files_of_this_run_and_of_another():
    this, that, more = rows("lvo/raw", "runs/a:b:motion/crf", "ablation-memory-none-s0")
    here = Path("results/toy")
    assert this.summary(here) == here / "evaluate/lvo/raw/summary.csv"
    assert this.masks(here, "cat") == here / "refine/lvo/raw/cat"
    assert that.summary(here) == Path("runs/a:b/evaluate/motion/crf/summary.csv")
    assert that.masks(here, "cat") == Path("runs/a:b/refine/motion/crf/cat")
    assert more.method == "bilateral"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("lov", "got 'lov'; the models are lvo, motion, ablation-memory-none-s0"),
        ("lvo/guided", "got 'lvo/guided'; refine.methods has raw, bilateral"),
        ("lvo/", "got 'lvo/'; refine.methods has raw, bilateral"),
        ("results/a:lvo", "got 'results/a:lvo', expected FOLDER:MODEL/METHOD of another run"),
        ("results/a:", "got 'results/a:', expected FOLDER:MODEL/METHOD of another run"),
    ],
)
def test_what_is_no_row_is_told(name, told):
    with pytest.raises(UserError) as error:
        rows("lvo", name)
    assert f"config: compare.rows: {told}" in str(error.value)
