"""What every stage reports with: a problem is data, and only `cli/` prints it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum


class Severity(str, Enum):
    """How much a problem weighs: an error stops the stage, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, order=True)
class Place:
    """Where a problem is; line and column count from 1, 0 when unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(part) for part in (self.line, self.column) if part)])


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and the way out.

    code: stable, `room.what-is-wrong` (`spec.port-range`); tests and scripts rely on it.
    message: one sentence, no full stop, naming the value and what was expected.
    hint: how to mend it, or why it matters; empty when the message already says so.
    """

    code: str
    message: str
    place: Place | None = None
    hint: str = ""
    severity: Severity = Severity.ERROR

    def render(self) -> str:
        """Return the problem as a person reads it: a line, and the hint indented below."""
        where = f"{self.place}: " if self.place else ""
        lines = [f"{where}{self.severity.value}: {self.message} [{self.code}]"]
        lines += [f"    {line}" for line in self.hint.splitlines()]
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return the stable JSON form; every key is always there."""
        place = self.place or Place("")
        return {
            "code": self.code,
            "severity": self.severity.value,
            "message": self.message,
            "hint": self.hint,
            "file": place.file,
            "line": place.line,
            "column": place.column,
        }


def errors_in(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that stop a stage."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def did_you_mean(word: str, known: Iterable[str], alike: float = 0.6) -> str:
    """Return `Did you mean 'x'?` for the nearest known word, or an empty string.

    alike: how much of both words has to be the same, from 0 to 1.
    """
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=alike)
    return f"Did you mean {near[0]!r}?" if near else ""
