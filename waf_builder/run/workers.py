"""Work of this program shared among processes of its own."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_CHUNK = 50
"""Items that a process takes at a time: enough that handing them over costs little."""


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0))


def in_processes(
    work: Callable[[Sequence[_Item]], list[_Result]],
    items: Iterable[_Item],
    processes: int,
    ready: Callable[[], None],
) -> Iterator[_Result]:
    """Yield the results of work on items, in their order.

    Each process is a copy of this one as it is now, which is why it needs no time to start.
    ready: called once in each of them.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    copies = multiprocessing.get_context("fork")
    waiting = iter(items)
    chunks = iter(lambda: list(itertools.islice(waiting, _CHUNK)), [])
    with ProcessPoolExecutor(processes, copies, ready) as pool:
        for results in pool.map(work, chunks):
            yield from results
