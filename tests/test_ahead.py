"""Items that are made ahead of their use."""

import threading

import pytest

from vosmem.ahead import ahead


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("ahead")]


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
