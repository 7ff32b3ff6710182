"""Many small cases in one test: all are tried, and every one that fails is shown by its values."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

_SHOWN = 200
"""Characters of a value in a case's name."""

_FAILURES = (Exception, pytest.fail.Exception, pytest.skip.Exception)
"""What a case may end with; one that is skipped would hide those behind it."""


def for_each(
    names: str | Sequence[str],
    cases: Iterable[Any],
    *,
    ids: Callable[[Any], object] | Iterable[object] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Call a test once for each case, where pytest.mark.parametrize would make a test of each.

    A test costs every process of a run some milliseconds before it starts, which is more than
    most cases of a table need. The cases share the test's fixtures but for tmp_path: each has a
    folder of its own. ids are parametrize's.
    """
    words = (names,) if isinstance(names, str) else tuple(names)
    listed = [(case,) if isinstance(names, str) else tuple(case) for case in cases]
    shown = _names(words, listed, ids)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def every(*args: Any, **fixtures: Any) -> None:
            assert listed, "there is no case"
            failed = []
            for number, (name, case) in enumerate(zip(shown, listed, strict=True)):
                own = _own_folder(fixtures, number)
                try:
                    test(*args, **{**fixtures, **own}, **dict(zip(words, case, strict=True)))
                except _FAILURES as error:
                    failed.append(f"--- {name}\n{_told(error)}")
            if failed:
                said = "\n".join(failed)
                pytest.fail(f"{len(failed)} of {len(listed)} cases fail:\n{said}", pytrace=False)

        taken = inspect.signature(test)
        left = [one for name, one in taken.parameters.items() if name not in words]
        assert len(left) + len(words) == len(taken.parameters), f"{test} takes other arguments"
        every.__signature__ = taken.replace(parameters=left)  # type: ignore[attr-defined]
        return every

    return decorate


def _own_folder(fixtures: dict[str, Any], number: int) -> dict[str, Path]:
    if "tmp_path" not in fixtures:
        return {}
    folder = fixtures["tmp_path"] / str(number)
    folder.mkdir()
    return {"tmp_path": folder}


def _names(
    words: Sequence[str],
    cases: Sequence[tuple[Any, ...]],
    ids: Callable[[Any], object] | Iterable[object] | None,
) -> list[str]:
    if ids is None:
        ids = _short
    if callable(ids):
        of = ids
        return [
            ", ".join(f"{word}={of(value)}" for word, value in zip(words, case, strict=True))
            for case in cases
        ]
    return [str(name) for _, name in zip(cases, ids, strict=True)]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _told(error: BaseException) -> str:
    """Return what pytest shows of a failure, from the line of the test on."""
    if isinstance(error, pytest.fail.Exception) and not error.pytrace:
        return str(error)
    info = pytest.ExceptionInfo.from_exception(error)
    info.traceback = info.traceback[1:]
    return str(info.getrepr(style="short"))
