"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_SEEN_LENGTH = 200


class Outcome(str, Enum):
    """How a check ended; only `FAILED` fails the whole examination."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Result:
    """One row of the table.

    check: what was looked at. seen: one line, without secrets. hint: what to do, or nothing.
    """

    check: str
    outcome: Outcome
    seen: str
    hint: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the stable JSON form; every key is always there."""
        return {
            "check": self.check,
            "result": self.outcome.value,
            "seen": self.seen,
            "hint": self.hint,
        }


def ok(check: str, seen: str) -> Result:
    """Return that all is well."""
    return Result(check, Outcome.OK, seen)


def warning(check: str, seen: str, hint: str) -> Result:
    """Return that it works, and what is wrong all the same."""
    return Result(check, Outcome.WARNING, seen, hint)


def failed(check: str, seen: str, hint: str) -> Result:
    """Return that it cannot work so."""
    return Result(check, Outcome.FAILED, seen, hint)


def skipped(check: str, why: str) -> Result:
    """Return that there was nothing to look at, and why."""
    return Result(check, Outcome.SKIPPED, why)


def printable(text: str, length: int = _SEEN_LENGTH) -> str:
    """Return what others sent as one line that cannot command a terminal."""
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= length else f"{plain[: length - 3]}..."
