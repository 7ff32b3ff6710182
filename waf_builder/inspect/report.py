"""Answers as people read them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from waf_builder.inspect import shown
from waf_builder.inspect.answer import Answer, Match, Verdict
from waf_builder.inspect.proposal import Proposal

if TYPE_CHECKING:
    from waf_builder.inspect.opening import Opening
    from waf_builder.inspect.setting import At

Paint = Callable[[Verdict, str], str]
_HEAD = ("rule", "level", "points", "where", "what matched")
_WIDTH = 100
_SAID: dict[Verdict, str] = {
    "pass": "passes",
    "detect": "passes, since the route only detects; in mode block it would be refused",
    "block": "is blocked",
    "reject": "is refused before or beside the rules",
    "error": "got no answer",
}


@dataclass(frozen=True)
class Finding:
    """An answer, the threshold of its route, and what would let the request pass.

    openings: what that opens, where the rules are known. remark: what explains the answer.
    """

    answer: Answer
    threshold: int
    proposal: Proposal | None
    openings: tuple[Opening, ...] = ()
    remark: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the stable JSON form; every key is always there."""
        answer = self.answer
        return {
            "request": shown.name(answer.request),
            "method": answer.request.method,
            "target": shown.target(answer.request),
            "host": shown.printable(answer.request.host),
            "route": answer.route,
            "verdict": answer.verdict,
            "note": answer.note or self.remark,
            "status": answer.status,
            "score": answer.score,
            "threshold": self.threshold,
            "matches": [
                {
                    "rule": match.rule,
                    "message": match.message,
                    "paranoia_level": match.level,
                    "score": match.score,
                    "target": shown.printable(match.target),
                    "value": match.value,
                    "tags": list(match.tags),
                }
                for match in answer.matches
            ],
            "proposal": list(self.proposal.lines) if self.proposal else [],
            "proposal_at": self.proposal.at if self.proposal and self.proposal.lines else "",
            "opens": self.proposal.opens if self.proposal else "",
            "openings": [one.as_json() for one in self.openings],
        }


def text(finding: Finding, paint: Paint = lambda _verdict, words: words) -> str:
    """Return what a person reads of one answer; paint colours the verdict."""
    answer = finding.answer
    request = answer.request
    asked = f"{request.method} {shown.target(request)}"
    lines = [asked if len(asked) <= _WIDTH else f"{asked[: _WIDTH - 1]}…"]
    lines.append(f"  {paint(answer.verdict, _SAID[answer.verdict])}{_details(finding)}")
    if note := answer.note or finding.remark:
        lines += textwrap.wrap(note, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    if answer.matches:
        lines += ["", *_table(answer.matches)]
    if finding.proposal:
        lines += ["", *_proposal(finding.proposal, finding.openings)]
    return "\n".join(lines)


def _details(finding: Finding) -> str:
    answer = finding.answer
    told = [f"status {answer.status}"] if answer.status else []
    told.append(f"route {answer.route}" if answer.route else "no route")
    if answer.score:
        told.append(f"score {answer.score}, refused from {finding.threshold} on")
    return f" ({'; '.join(told)})"


def _table(matches: Sequence[Match]) -> list[str]:
    rows = [
        (
            str(match.rule),
            str(match.level or "-"),
            str(match.score or "-"),
            shown.printable(match.target) or "-",
        )
        for match in matches
    ]
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=False)]
    head = "  ".join(f"{word:<{width}}" for word, width in zip(_HEAD, widths, strict=False))
    lines = [f"  {head}  {_HEAD[-1]}"]
    indent = " " * (2 + widths[0] + 2)
    for match, row in zip(matches, rows, strict=True):
        cells = "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False))
        lines += [f"  {cells}  {match.value}".rstrip(), f"{indent}{match.message}"]
    return lines


def _proposal(proposal: Proposal, openings: Sequence[Opening]) -> list[str]:
    lines = []
    if proposal.lines:
        where, above = place_of(proposal.at, proposal.route)
        lines += [
            f"  If this is an ordinary request of your app, write {where}:",
            "",
            *(f"    {line}" for line in above),
            *(f"    {'  ' * len(above)}{line}" for line in proposal.lines),
            "",
        ]
    for sentence in (proposal.opens, *map(str, openings)):
        lines += textwrap.wrap(sentence, _WIDTH, initial_indent="  ", subsequent_indent="  ")
    return lines


def place_of(at: At, route: str) -> tuple[str, list[str]]:
    """Return where lines of a proposal stand, in words, and the keys that stand above them."""
    where = f"at the route {shown.printable(route)}" if route else "in the spec"
    return where, ["waf:"] if at.endswith("waf") else []
