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
WIDTH = 80
"""Columns of a report that is not for a terminal."""
_LEAST = 26
"""Characters of a value that are shown, however narrow the terminal: `(12 characters, not shown)`
has as many."""
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


def text(
    finding: Finding,
    paint: Paint = lambda _verdict, words: words,
    width: int = WIDTH,
) -> str:
    """Return what a person reads of one answer; paint colours the verdict.

    width: columns; only what is to be pasted may be longer.
    """
    answer = finding.answer
    request = answer.request
    lines = [_cut(f"{request.method} {shown.target(request)}", width)]
    lines += _said(finding, paint, width)
    if note := answer.note or finding.remark:
        lines += _wrapped(note, width)
    if answer.matches:
        lines += ["", *_table(answer.matches, width)]
    if finding.proposal:
        lines += ["", *_proposal(finding.proposal, finding.openings, width)]
    return "\n".join(lines)


def _said(finding: Finding, paint: Paint, width: int) -> list[str]:
    answer = finding.answer
    told = [f"status {answer.status}"] if answer.status else []
    told.append(f"route {answer.route}" if answer.route else "no route")
    if answer.score:
        told.append(f"score {answer.score}, refused from {finding.threshold} on")
    words, details = _SAID[answer.verdict], f"({'; '.join(told)})"
    if len(f"  {words} {details}") <= width:
        return [f"  {paint(answer.verdict, words)} {details}"]
    lines = textwrap.wrap(words, width - 2)
    return [*(f"  {paint(answer.verdict, line)}" for line in lines), *_wrapped(details, width)]


def _wrapped(words: str, width: int, indent: str = "  ") -> list[str]:
    return textwrap.wrap(
        words, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _cut(words: str, width: int) -> str:
    return words if len(words) <= width else f"{words[: width - 1]}…"


def _table(matches: Sequence[Match], width: int) -> list[str]:
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
    head = "  ".join(f"{word:<{size}}" for word, size in zip(_HEAD, widths, strict=False))
    lines = [f"  {head}  {_HEAD[-1]}"]
    indent = " " * (2 + widths[0] + 2)
    room = max(_LEAST, width - len(f"  {head}  "))
    for match, row in zip(matches, rows, strict=True):
        cells = "  ".join(f"{cell:<{size}}" for cell, size in zip(row, widths, strict=False))
        lines.append(f"  {cells}  {_cut(match.value, room)}".rstrip())
        lines += _wrapped(match.message, width, indent)
    return lines


def _proposal(proposal: Proposal, openings: Sequence[Opening], width: int) -> list[str]:
    lines = []
    if proposal.lines:
        where, above = place_of(proposal.at, proposal.route)
        lines += [
            *_wrapped(f"If this is an ordinary request of your app, write {where}:", width),
            "",
            *(f"    {line}" for line in above),
            *(f"    {'  ' * len(above)}{line}" for line in proposal.lines),
            "",
        ]
    for sentence in (proposal.opens, *map(str, openings)):
        lines += _wrapped(sentence, width)
    return lines


def place_of(at: At, route: str) -> tuple[str, list[str]]:
    """Return where lines of a proposal stand, in words, and the keys that stand above them."""
    where = f"at the route {shown.printable(route)}" if route else "in the spec"
    return where, ["waf:"] if at.endswith("waf") else []
