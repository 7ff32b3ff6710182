"""Many requests put to libmodsecurity, in several processes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from waf_builder.inspect.answer import Answer
from waf_builder.inspect.inprocess import LibraryJudge
from waf_builder.inspect.request import HttpRequest
from waf_builder.run.workers import in_processes

if TYPE_CHECKING:
    from typing_extensions import Self

_FEW = 100
"""Fewer requests take less time than the start of further processes."""

_own: list[LibraryJudge] = []
"""The judge of a process that was started for the work; it ends with it."""


class ParallelJudge:
    """A LibraryJudge and copies of it in other processes; to be entered and left like it."""

    def __init__(self, judge: LibraryJudge, processes: int) -> None:
        self._here, self._processes = judge, processes

    def __enter__(self) -> Self:
        """Load the rules; LibraryError when they cannot be."""
        self._here.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of them."""
        self._here.__exit__()

    def judge(self, requests: Iterable[HttpRequest]) -> Iterator[Answer]:
        """Yield the answer to each request, in order."""
        waiting = iter(requests)
        few = list(itertools.islice(waiting, _FEW))
        if len(few) < _FEW or self._processes == 1:
            yield from self._here.judge(itertools.chain(few, waiting))
            return
        every = itertools.chain(few, waiting)
        yield from in_processes(_judge, every, self._processes, self._ready)

    def again(self, request: HttpRequest, first: str) -> Answer:
        """Return what `LibraryJudge.again` does, in this process."""
        return self._here.again(request, first)

    def _ready(self) -> None:
        self._here.after_fork()
        _own[:] = [self._here]


def _judge(requests: Sequence[HttpRequest]) -> list[Answer]:
    return list(_own[0].judge(requests))
