"""The sums over Snakemake's benchmark tables."""

import pytest

from vosmem.report import cost

HEADER = "s\th:m:s\tmax_rss\tmax_vms\n"
CURRENT = {"flow": {"dis"}, "memory": {"lvo"}}


def test_jobs_are_summed_by_rule(tmp_path):
    def table(path, *rows):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(HEADER + "".join(f"{s}\t0:00:01\t{m}\t1\n" for s, m in rows))

    table("flow/dis/a.tsv", (2.0, 100.0))
    table("flow/dis/b.tsv", (4.0, "NA"))  # too short to be measured
    table("flow/raft/a.tsv", (99.0, 9999.0))  # of an earlier configuration
    table("memory/lvo/train.tsv", (50.0, 800.0))
    table("memory/lvo/a.tsv", (3.0, 300.0))
    table("memory/old/train.tsv", (99.0, 9999.0))
    table("memory_train/lvo.tsv", (5.0, 200.0))
    table("data/a.tsv", (1.0, "-"), (2.0, "-"))  # repeated: the mean counts
    table("data/broken.tsv", ("NA", "NA"))
    for page in ("report", "ablation", "compare"):
        table(f"{page}.tsv", (7.0, 70.0))  # an earlier page's own
    told = {c.rule: (c.jobs, c.seconds, c.peak_mb) for c in cost.read(tmp_path, CURRENT)}
    assert told == {
        "data": (1, 1.5, None),
        "flow": (2, 6.0, 100.0),
        "memory train": (2, 55.0, 800.0),
        "memory predict": (1, 3.0, 300.0),
    }
    assert list(told) == ["data", "flow", "memory train", "memory predict"]


def test_no_tables(tmp_path):
    assert cost.read(tmp_path / "absent", CURRENT) == []


def test_seconds_a_job():
    assert cost.Cost("flow", 4, 10.0, None).seconds_per_job == pytest.approx(2.5)


def test_files_on_the_disk_are_summed_by_rule(tmp_path):
    sizes = {
        "data/a.json": 500_000, "data/a/00000.png": 250_000, "flow/dis/a.h5": 2_000_000, "flow/raft/a.h5": 4_000_000,
        "memory/lvo/fold0/weights.safetensors": 1_000_000, "memory/lvo/a.h5": 3_000_000, "memory/old/a.h5": 1_000_000,
        "logs/a.log": 9_000_000, "refine/a/raw/a/0.png": 125_000,
    }  # fmt: skip
    for name, size in sizes.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    told, left = cost.disk(tmp_path, CURRENT)
    assert told == {"data": 0.75, "flow": 2.0, "memory train": 1.0, "memory predict": 3.0, "refine": 0.125}
    assert left == 5.0
    rows = {c.rule: (c.jobs, c.disk_mb) for c in cost.read(tmp_path / "benchmarks", CURRENT, told)}
    assert rows["flow"] == (0, 2.0) and rows["memory train"] == (0, 1.0)


def test_weights_that_were_taken_over_count_where_they_were(tmp_path):
    (tmp_path / "memory/lvo").mkdir(parents=True)
    (tmp_path / "memory/lvo/adopt.tsv").write_text(HEADER + "1.0\t0:00:01\t50.0\t1\n")
    (told,) = cost.read(tmp_path, CURRENT, {"memory train": 2.5})
    assert (told.rule, told.disk_mb) == ("memory adopt", 2.5)
