"""Reading ahead: the next item is made in a thread of its own while the one before is worked on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
END = object()


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items in the same order, the next one made while the last one is in use.

    ``items`` is a generator that only this one asks: its code runs in the other thread. What it raises is raised where
    its item would have been; when this generator is closed the thread ends, once the item at work is made.
    """
    with ThreadPoolExecutor(1, "ahead") as pool:
        following = pool.submit(next, items, END)
        while (item := following.result()) is not END:
            following = pool.submit(next, items, END)
            yield item
