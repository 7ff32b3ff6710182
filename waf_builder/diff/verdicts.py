"""What two WAFs say to the same requests."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from waf_builder.inspect import shown
from waf_builder.inspect.answer import Answer
from waf_builder.inspect.report import Finding
from waf_builder.inspect.request import HttpRequest


class Asked(Protocol):
    """What can be asked: an Inspector."""

    def findings(self, requests: Iterable[HttpRequest]) -> Iterator[Finding]:
        """Yield what the WAF says to each request, in order."""


@dataclass(frozen=True)
class Verdict:
    """A request of which the verdict has changed."""

    old: Answer
    new: Answer

    def as_json(self) -> dict[str, object]:
        """Return the stable JSON form."""
        request = self.new.request
        return {
            "request": shown.name(request),
            "method": request.method,
            "target": shown.target(request),
            "old": _said(self.old),
            "new": _said(self.new),
        }


@dataclass(frozen=True)
class Verdicts:
    """How many requests were asked, and those that the two judge differently.

    other_rules: how many have the same verdict, for other rules.
    """

    asked: int
    changed: tuple[Verdict, ...]
    other_rules: int

    @property
    def differs(self) -> bool:
        """Whether any request is judged differently."""
        return bool(self.changed)


def compare_verdicts(old: Asked, new: Asked, requests: Iterable[HttpRequest]) -> Verdicts:
    """Return what the two say differently; only what differs is kept in memory."""
    first, second = itertools.tee(requests)
    asked = other_rules = 0
    changed = []
    for was, now in zip(old.findings(first), new.findings(second), strict=True):
        asked += 1
        if was.answer.verdict != now.answer.verdict:
            changed.append(Verdict(was.answer, now.answer))
        elif rules_of(was.answer) != rules_of(now.answer):
            other_rules += 1
    return Verdicts(asked, tuple(changed), other_rules)


def rules_of(answer: Answer) -> list[int]:
    """Return the rules that matched, by number."""
    return sorted({match.rule for match in answer.matches})


def _said(answer: Answer) -> dict[str, object]:
    return {
        "verdict": answer.verdict,
        "status": answer.status,
        "score": answer.score,
        "rules": rules_of(answer),
    }
