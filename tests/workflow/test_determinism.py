"""The same configuration and seed, run twice from nothing: the same bytes."""

import hashlib

import pytest

from tests.workflow.held import contents


@pytest.mark.slow
def test_twice_from_nothing_gives_the_same_bytes(finished, workflow):
    workflow.run()
    first, second = (
        {name: hash for name, hash in contents(run).items() if not {"frames", "data"} & {*name.split("/")}}
        for run in (workflow, finished)
    )  # descriptions tell when the frames were written
    assert first == second
    weights = [run.folder / "results/tiny/memory/lvo/weights.safetensors" for run in (workflow, finished)]
    assert len({hashlib.sha256(path.read_bytes()).hexdigest() for path in weights}) == 1
    tables = [(run.folder / "results/tiny/memory/lvo/history.csv").read_text() for run in (workflow, finished)]
    first, second = ([row.rpartition(",")[0] for row in table.splitlines()] for table in tables)
    assert first == second  # all but the seconds
