"""Many cases in one test: what is tried, and what is said when some fail."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest
from support.cases import for_each

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def failure(test: Callable[..., None], **fixtures: object) -> str:
    with pytest.raises(pytest.fail.Exception) as found:
        test(**fixtures)
    return str(found.value)


def test_every_case_is_tried_and_every_failure_is_shown():
    tried = []

    @for_each(("number", "word"), [(1, "a"), (2, "b"), (3, "c")])
    def each(number: int, word: str) -> None:
        tried.append(word)
        assert number == 2, f"{word} is wrong"

    said = failure(each)
    assert tried == ["a", "b", "c"]
    assert said.startswith("2 of 3 cases fail:\n--- number=1, word='a'\n")
    assert "\n--- number=3, word='c'\n" in said
    assert 'assert number == 2, f"{word} is wrong"' in said
    assert "E   AssertionError: c is wrong" in said
    assert "b is wrong" not in said


def test_what_else_ends_a_case_fails_it():
    @for_each("end", [pytest.fail, pytest.skip], ids=["fails", "is skipped"])
    def each(end: Callable[[str], None]) -> None:
        end("here")

    said = failure(each)
    assert said.startswith("2 of 2 cases fail:\n--- fails\n")
    assert "\n--- is skipped\n" in said


def test_no_case_at_all_is_an_error():
    @for_each("number", [])
    def each(number: int) -> None:
        raise AssertionError

    with pytest.raises(AssertionError, match="there is no case"):
        each()


def test_fixtures_are_the_tests_and_each_case_has_its_own_folder(tmp_path: Path):
    seen = []

    @for_each("a", [1, 2])
    @for_each("b", "xy")
    def each(tmp_path: Path, a: int, engine: str, b: str) -> None:
        (tmp_path / "file").open("x").close()
        seen.append((a, b, engine))

    assert list(inspect.signature(each).parameters) == ["tmp_path", "engine"]
    each(tmp_path=tmp_path, engine="old")
    assert seen == [(1, "x", "old"), (1, "y", "old"), (2, "x", "old"), (2, "y", "old")]


def test_arguments_that_no_case_has_are_an_error():
    with pytest.raises(AssertionError, match="takes other arguments"):

        @for_each("number", [1])
        def each(text: str) -> None:
            """Take no number."""
