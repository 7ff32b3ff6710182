"""Requests that are answered otherwise now, for one reason, and what would let them pass."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from waf_builder.inspect.answer import REFUSED, Match
from waf_builder.inspect.proposal import (
    Proposal,
    everywhere,
    exclusion,
    with_settings,
    without_repeats,
)
from waf_builder.inspect.report import Finding
from waf_builder.inspect.setting import Setting
from waf_builder.replay.paths import prefix_of

Change = Literal["refused", "passes"]
"""What is new."""

MAX_MATCHES = 20
"""Of a group, in what is proposed for it."""
_MANY = (
    "There are more matches than are kept: replay again with this in the spec, to see what is left."
)


@dataclass(frozen=True)
class Judged:
    """What the WAF says now, without the request: this much is kept of each that was asked.

    rule: the one that weighs most; 0 where none refused it. needed: the fewest matches without
    which it would pass, each behind the target that an exclusion names. settings: keys of the spec
    to turn instead. words: why nothing that is written would let it pass. doubt: why this may not.
    route: in which both are written, by its label; empty for all.
    """

    verdict: str
    status: int
    rule: int
    message: str
    needed: tuple[tuple[str, Match], ...] = ()
    settings: tuple[Setting, ...] = ()
    words: str = ""
    doubt: str = ""
    route: str = ""

    @property
    def refused(self) -> bool:
        """Whether the WAF answers instead of the app."""
        return self.verdict in REFUSED


@dataclass
class Group:
    """Requests that are answered otherwise now, for the same rule at alike paths.

    rule: 0 where no rule is known for it; status then says what the WAF answers. example: where
    the first stands, and what it asked. route: in which to write what lets them pass. odd: how
    many have a path that can be read in two ways.
    """

    change: Change
    rule: int
    status: int
    message: str
    path: str
    place: str
    example: str
    route: str = ""
    count: int = 0
    odd: int = 0
    methods: dict[str, None] = field(default_factory=dict)
    matches: dict[tuple[int, str], Match] = field(default_factory=dict)
    targets: dict[tuple[int, str], str] = field(default_factory=dict)
    settings: dict[str, Setting] = field(default_factory=dict)
    words: str = ""
    doubts: dict[str, None] = field(default_factory=dict)

    @property
    def proposal(self) -> Proposal | None:
        """What would let them pass, and how many it would not; None for nothing to write."""
        settings = list(self.settings.values())
        if not self.matches:
            words = Proposal((), self.words) if self.words else None
            return with_settings(settings) if settings else words
        found = with_settings(settings, self._exclusion())
        return found.doubted(" ".join(self.doubts)) if self.doubts else found

    def _exclusion(self) -> Proposal:
        excluded = without_repeats((self.targets[key], one) for key, one in self.matches.items())
        if self.odd == self.count:
            return everywhere(excluded, self.route)
        found = exclusion(excluded, prefix_of(self.path), self.route)
        if not (self.odd and found.path):
            return found
        words = f"Not everybody reads the path of {self.odd:,} of these requests alike, so that"
        words = f"{words} an exclusion for a path does not hold for {_them(self.odd)}."
        return replace(found, opens=f"{found.opens} {words}")

    def let_pass(self, judged: Judged) -> None:
        """Take in what would let one more request pass."""
        for one in judged.settings:
            before = self.settings.get(one.key)
            self.settings[one.key] = before.merged(one) if before else one
        self.words = self.words or judged.words
        if judged.doubt:
            self.doubts[judged.doubt] = None
        for target, match in judged.needed:
            key = (match.rule, match.target)
            if key not in self.matches and len(self.matches) >= MAX_MATCHES:
                self.doubts[_MANY] = None
            else:
                self.matches.setdefault(key, match)
                self.targets.setdefault(key, target)

    def as_json(self) -> dict[str, object]:
        """Return the stable JSON form; every key is always there."""
        proposal = self.proposal
        return {
            "change": self.change,
            "count": self.count,
            "rule": self.rule,
            "status": self.status,
            "message": self.message,
            "methods": list(self.methods),
            "path": self.path,
            "example": self.example,
            "place": self.place,
            "matches": [
                {"rule": one.rule, "target": one.target, "value": one.value, "score": one.score}
                for one in self.matches.values()
            ],
            "proposal": list(proposal.lines) if proposal else [],
            "proposal_at": proposal.at if proposal and proposal.lines else "",
            "route": proposal.route if proposal else "",
            "opens": proposal.opens if proposal else "",
        }


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def judged(finding: Finding) -> Judged:
    """Return what is kept of a finding."""
    answer, proposal = finding.answer, finding.proposal
    if not answer.refused:
        return Judged(answer.verdict, answer.status, 0, "")
    pairs: tuple[tuple[str, Match], ...] = ()
    if proposal:
        pairs = tuple(
            (target, match) for target, group in proposal.excluded.items() for match in group
        )
    lead = max(
        (match for _, match in pairs), key=lambda match: (match.score, -match.rule), default=None
    )
    lead = lead or next(iter(answer.matches), None)
    return Judged(
        answer.verdict,
        answer.status,
        lead.rule if lead else 0,
        lead.message if lead else "",
        pairs,
        proposal.settings if proposal else (),
        proposal.opens if proposal and not proposal.lines else "",
        proposal.doubt if proposal else "",
        proposal.route if proposal else "",
    )
