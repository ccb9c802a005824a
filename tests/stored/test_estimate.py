"""The disk that a run takes, by what is known of its sequences."""

import json

import pytest

from vosmem import config, room
from vosmem.errors import UserError
from vosmem.stored import estimate, sizes

FLOW = config.section_defaults("flow", {"estimator": "dis"})
MEMORY = config.section_defaults("memory")


def cache_of(folder, stage="flow", sequence="a"):
    settings = {"flow": FLOW, "memory": MEMORY}.get(stage) or config.section_defaults(stage)
    name = {"flow": "dis", "memory": "lvo", "motion": "residual"}[stage]
    return estimate.Cache(folder / stage / f"{sequence}.h5", stage, name, settings, sequence)


@pytest.fixture
def run(tmp_path):
    """``run(caches, counted, kept, at_once)``: the estimate; a is described with 10 frames, others are not."""
    (tmp_path / "a.json").write_text(json.dumps({"frames": ["x"] * 10, "working_size": [64, 96]}))

    def estimated(caches, counted=0, kept=("flow", "appearance", "motion"), at_once=1):
        return estimate.estimate(caches, tmp_path, lambda seq: counted, 64, kept, at_once)

    return estimated


def flow_bytes(frames, size):
    return int(estimate.MARGIN * sizes.bytes_of("flow", "dis", FLOW, frames, size))


def test_what_is_described_counts_as_it_is(run, tmp_path):
    found = run([cache_of(tmp_path), cache_of(tmp_path, "memory")])
    assert found.stages["flow"] == flow_bytes(10, (64, 96))
    assert found.total == sum(found.stages.values()) and found.stages.keys() == {"flow", "memory"}
    assert not found.assumed and not found.unknown


def test_what_is_not_described_is_assumed_and_said_to_be(run, tmp_path):
    found = run([cache_of(tmp_path, sequence="b")], counted=7)
    assert found.total == flow_bytes(7, (64, 114))
    assert found.assumed == {"b"} and "1 sequences not yet looked at, with frames taken to be 16:9" in str(found)
    found = run([cache_of(tmp_path, sequence="b"), cache_of(tmp_path)])
    assert found.total == flow_bytes(10, (64, 96))
    assert found.unknown == {"b"} and "1 sequences whose length is not yet known are not counted" in str(found)


def test_what_is_replaced_is_not_taken_anew(run, tmp_path):
    path = cache_of(tmp_path).path
    path.parent.mkdir()
    path.write_bytes(bytes(1000))
    assert run([cache_of(tmp_path)]).total == flow_bytes(10, (64, 96)) - 1000
    path.write_bytes(bytes(10_000_000))
    assert run([cache_of(tmp_path)]).total == 0


def test_flow_that_does_not_stay_counts_as_much_as_is_there_at_a_time(run, tmp_path):
    caches = [cache_of(tmp_path, stage, s) for s in "bcdefg" for stage in ("flow", "motion")]
    whole = run(caches, counted=5)
    passing = run(caches, counted=5, kept=("appearance", "motion"), at_once=2)
    assert passing.stages["motion"] == whole.stages["motion"]
    assert passing.stages["flow"] == whole.stages["flow"] * 4 // 6


def test_what_does_not_fit_is_one_line_with_the_figures(run, tmp_path, monkeypatch):
    found = run([cache_of(tmp_path, sequence=s) for s in "bc"], counted=100_000)
    monkeypatch.setattr(room, "free", lambda folder: 2_100_000_000)
    with pytest.raises(UserError) as caught:
        estimate.check(found, tmp_path / "results/new")
    line = str(caught.value)
    assert line.startswith(f"{tmp_path}/results/new: this run takes {found.total / 1e9:.1f} GB of disk (flow ")
    assert "2.1 GB are free; make room there (`vosmem cache prune`" in line and "\n" not in line
    monkeypatch.setattr(room, "free", lambda folder: found.total)
    assert "are free" in estimate.check(found, tmp_path / "results/new")
