"""A SecLang text with a name: where an offset is, and problems that point there."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from waf_builder.problem import Place, Problem, Severity


class Span(NamedTuple):
    """A piece of a text: from the offset `start` up to, not with, `end`; counted in characters."""

    start: int
    end: int


@dataclass(frozen=True, eq=False)
class Source:
    """A text and the name it is shown by."""

    text: str
    file: str = ""

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        find = self.text.find
        while (newline := find("\n", starts[-1])) >= 0:
            starts.append(newline + 1)
        return starts

    def place(self, offset: int) -> Place:
        """Return the file, line and column of an offset; line and column count from 1."""
        line = bisect_right(self._line_starts, offset)
        return Place(self.file, line, offset - self._line_starts[line - 1] + 1)

    def problem(
        self,
        code: str,
        message: str,
        offset: int,
        hint: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Problem:
        """Return a problem at an offset; `code` goes without its `seclang.`."""
        return Problem(f"seclang.{code}", message, self.place(offset), hint, severity)


def read_text(path: Path) -> str:
    r"""Return a rule file's text such that `to_bytes` gives the same bytes again.

    Line ends stay as they are (`\r\n` too), and bytes that are not UTF-8 survive as lone
    surrogates: rule files of many years hold Latin-1 in comments. Raises OSError.
    """
    return from_bytes(path.read_bytes())


def from_bytes(data: bytes) -> str:
    """Return the text of a rule file's bytes, as `read_text` does."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """Return the bytes that `read_text` would read as this text."""
    return text.encode("utf-8", "surrogateescape")
