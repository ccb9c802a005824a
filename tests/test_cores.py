"""How many threads are taken: as asked for, as the environment says, or all cores, and never more than those."""

import pytest

from vosmem import cores
from vosmem.errors import UserError


@pytest.mark.parametrize(
    ("asked", "told", "taken"),
    [
        (None, None, 8), (None, "3", 3), (None, " 3 ", 3), (None, "3,2", 3), (None, "64", 8), (None, "0", 8),
        (None, "", 8), (None, "many", 8), (None, "-1", 8), (2, None, 2), (5, "3", 5), (64, "3", 8),
    ],
)  # fmt: skip
def test_threads(asked, told, taken, monkeypatch):
    monkeypatch.setattr(cores, "count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if told is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert cores.chosen(asked) == taken


@pytest.mark.parametrize("asked", [0, -1, 1.5, "2", True])
def test_what_is_no_number_of_threads_is_told(asked):
    with pytest.raises(UserError, match=r"threads: got .*, expected a whole number, at least 1"):
        cores.chosen(asked)
