"""The build log, in the form that people know from the platform's own buildpacks."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_WIDTH = 100


class Log:
    """Writes steps, details and paragraphs; each line at once, so that people see it move.

    write: gets each line without its end.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Write a title, and give what writes below it."""
        self._write(f"-----> {title}")
        yield Step(self)

    def detail(self, text: str) -> None:
        """Write one line, or several, below the title of a step."""
        for line in text.splitlines():
            self._write(f"       {line}".rstrip())

    def warning(self, text: str) -> None:
        """Write what the user should know and need not mend now."""
        self._paragraph(f"Warning: {text}")

    def error(self, text: str) -> None:
        """Write why the deploy stops."""
        self._paragraph(f"Error: {text}")

    def _paragraph(self, text: str) -> None:
        self._write("")
        for line in text.splitlines():
            for part in _wrapped(line):
                self._write(f" !     {part}".rstrip())
        self._write("")


def _wrapped(line: str) -> list[str]:
    """Return a line as lines that fit a terminal, indented as it is."""
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line,
        _WIDTH,
        subsequent_indent=indent,
        break_long_words=False,  # a URL or a path stays whole
        break_on_hyphens=False,
    ) or [""]


class Step:
    """One step of a build, and how long it has taken so far."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._began = time.monotonic()

    def detail(self, text: str) -> None:
        """Write about something in the middle of the step."""
        self._log.detail(text)

    def done(self, text: str, *facts: str) -> None:
        """Write the result, with facts and the seconds it took in parentheses."""
        seconds = f"{time.monotonic() - self._began:.1f} s"
        self._log.detail(f"{text} ({', '.join([*facts, seconds])})")


def megabytes(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / 1e6:.1f} MB"
