"""Items that are made in other threads: the next one ahead of its use, or several side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from vosmem import cores

S = TypeVar("S")
T = TypeVar("T")
END = object()
MOST = 8  # items side by side: each holds the maps of a network


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


def side_by_side(function: Callable[[S], T], items: Iterable[S], threads: int) -> Iterator[T]:
    """``function`` of each item, in order, up to ``threads`` of them computed at a time; with one, nothing but a map.

    For what does not keep ``threads`` busy by itself. Items are made in this thread, as many ahead as are computed at a
    time, ``MOST`` at most, which then share the threads. What the function raises is raised where its result would
    have been; when this generator is closed, it ends once those at work are done.
    """
    count = min(threads, MOST)
    if count < 2:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(count, "beside", cores.limit, (threads // count,))
    try:
        begun: deque[Future[T]] = deque()
        for item in items:
            if len(begun) == count:
                yield begun.popleft().result()
            begun.append(pool.submit(function, item))
        while begun:
            yield begun.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
