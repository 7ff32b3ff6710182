"""Work shared among processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import pytest

from waf_builder.run.workers import _AHEAD, _CHUNK, in_processes


def squares(numbers: Sequence[int]) -> list[tuple[int, int]]:
    return [(number * number, os.getpid()) for number in numbers]


def nothing() -> None:
    """Be ready."""


def test_results_come_in_order_from_several_processes():
    found = list(in_processes(squares, range(1000), 2, nothing))
    assert [square for square, _ in found] == [number * number for number in range(1000)]
    assert os.getpid() not in {process for _, process in found}


@pytest.mark.parametrize("count", [0, 1, _CHUNK, _CHUNK + 1])
def test_few(count: int):
    assert len(list(in_processes(squares, range(count), 2, nothing))) == count


def test_no_more_is_taken_than_is_worked_on():
    """There may be more items than fit into memory."""
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for number in range(10_000):
            taken += 1
            yield number

    for given, _ in enumerate(in_processes(squares, items(), 2, nothing), 1):
        assert taken - given < (2 * _AHEAD + 2) * _CHUNK


def test_an_error_of_the_items_comes_through():
    def items() -> Iterator[int]:
        yield from range(200)
        raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"):
        list(in_processes(squares, items(), 2, nothing))
