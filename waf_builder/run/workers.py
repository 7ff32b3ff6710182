"""Work of this program shared among processes of its own."""

from __future__ import annotations

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_CHUNK = 50
"""Items that a process takes at a time: enough that handing them over costs little."""
_AHEAD = 2
"""Chunks for each process that are handed over before the first result has to be there."""


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

    Items are taken a little ahead of their results: there may be more than fit into memory.

    Each process is a copy of this one as it is now, which is why it needs no time to start.
    ready: called once in each of them.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    copies = multiprocessing.get_context("fork")
    waiting = iter(items)
    chunks = iter(lambda: list(itertools.islice(waiting, _CHUNK)), [])
    with ProcessPoolExecutor(processes, copies, ready) as pool:
        running: deque[Future[list[_Result]]] = deque()
        for chunk in chunks:
            running.append(pool.submit(work, chunk))
            if len(running) > _AHEAD * processes:
                yield from running.popleft().result()
        while running:
            yield from running.popleft().result()
