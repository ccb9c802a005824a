"""Items that are made ahead of their use, and side by side."""

import threading
import time

import pytest
import torch

from vosmem.ahead import ahead, side_by_side


def threads(name="ahead"):
    return [t for t in threading.enumerate() if t.name.startswith(name)]


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_all_come_in_order(n):
    assert list(ahead(iter(range(n)))) == list(range(n))
    assert not threads()


def test_the_next_is_made_while_one_is_in_use():
    begun = {t: threading.Event() for t in range(3)}

    def items():
        for t, event in begun.items():
            event.set()
            yield t

    found = ahead(items())
    assert next(found) == 0
    assert begun[1].wait(10)
    assert not begun[2].wait(0.1)  # no more than one ahead: items may be large
    assert list(found) == [1, 2]


def test_what_goes_wrong_is_told_where_the_item_would_have_been():
    def items():
        yield 1
        raise ValueError("no second")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(ValueError, match="no second"):
        next(found)
    assert not threads()


def test_no_thread_stays_where_no_more_is_asked_for():
    found = ahead(iter(range(9)))
    next(found)
    assert threads()
    found.close()
    assert not threads()


@pytest.mark.parametrize("workers", [1, 2, 3, 40])
@pytest.mark.parametrize("n", [0, 1, 2, 30])
def test_side_by_side_in_order(workers, n):
    def slow_at_first(i):
        time.sleep(0.01 if i == 0 else 0)
        return -i

    assert list(side_by_side(slow_at_first, range(n), workers)) == [-i for i in range(n)]
    assert not threads("beside")


def test_as_many_at_a_time_as_there_are_threads():
    both = threading.Barrier(2, timeout=10)  # passed only by two that are there at once
    assert list(side_by_side(lambda i: both.wait() >= 0, range(6), 2)) == [True] * 6


def test_no_more_items_are_taken_than_are_computed():
    taken = []

    def items():
        for i in range(20):
            taken.append(i)
            yield i

    found = side_by_side(str, items(), 3)
    assert next(found) == "0"
    assert len(taken) == 4  # three at work, one in the hand
    found.close()
    assert not threads("beside")


def test_side_by_side_tells_what_went_wrong_in_its_turn():
    found = side_by_side(lambda i: 1 // i, [1, 2, 0, 3], 4)
    assert [next(found), next(found)] == [1, 0]
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert not threads("beside")


@pytest.mark.parametrize(("workers", "each"), [(2, 1), (20, 2)])
def test_the_threads_are_shared_out(workers, each):
    before = torch.get_num_threads()
    assert set(side_by_side(lambda _: torch.get_num_threads(), range(9), workers)) == {each}
    assert torch.get_num_threads() == before
