"""What a replay found: the requests that are answered otherwise now, in few groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from waf_builder.config.plainpath import is_plain
from waf_builder.inspect.answer import REFUSED, Match
from waf_builder.inspect.logline import UNKNOWN_HOST
from waf_builder.inspect.proposal import Proposal, everywhere, exclusion
from waf_builder.inspect.report import Finding
from waf_builder.replay.paths import ANY, pattern_of, prefix_of
from waf_builder.replay.seen import Seen, Skipped

Change = Literal["refused", "passes"]
"""What is new."""

MAX_GROUPS = 500
"""Of each rule's further paths, whatever comes is one group."""
_MAX_MATCHES = 20
_MAX_METHODS = 9
_MAX_HOSTS = 20
_NAME = 120


@dataclass(frozen=True)
class Judged:
    """What the WAF says now, without the request: this much is kept of each that was asked.

    rule: the one that weighs most; 0 where none refused it. needed: the fewest matches without
    which it would pass. knob: what the spec has instead of an exclusion.
    """

    verdict: str
    status: int
    rule: int
    message: str
    needed: tuple[Match, ...]
    knob: Proposal | None

    @property
    def refused(self) -> bool:
        """Whether the WAF answers instead of the app."""
        return self.verdict in REFUSED


@dataclass
class Group:
    """Requests that are answered otherwise now, for the same rule at alike paths.

    rule: 0 where no rule is known for it; status then says what the WAF answers. example: where
    the first stands, and what it asked. odd: how many have a path that can be read in two ways.
    """

    change: Change
    rule: int
    status: int
    message: str
    path: str
    place: str
    example: str
    count: int = 0
    odd: int = 0
    methods: dict[str, None] = field(default_factory=dict)
    matches: dict[tuple[int, str], Match] = field(default_factory=dict)
    knob: Proposal | None = None

    @property
    def proposal(self) -> Proposal | None:
        """What would let them pass, and how many it would not; None for nothing to write."""
        if self.knob or not self.matches:
            return self.knob
        matches = list(self.matches.values())
        if self.odd == self.count:
            return everywhere(matches)
        found = exclusion(matches, prefix_of(self.path))
        if not (self.odd and found.path):
            return found
        words = f"Not everybody reads the path of {self.odd:,} of these requests alike, so that"
        words = f"{words} an exclusion for a path does not hold for {_them(self.odd)}."
        return replace(found, opens=f"{found.opens} {words}")

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
            "opens": proposal.opens if proposal else "",
        }


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


@dataclass
class Outcome:
    """All that a replay found.

    requests: those that could be put to the WAF. asked: as many different ones. in_part: those of
    which query or body are not known. logged: those of which no header is. unexplained: refused
    then for what is not known, and passing now. lacking: refused now for want of a body or a host
    that is not known. unanswered: the WAF gave no answer. hosts: some of those in HAR files, which
    hold requests to anybody.
    """

    skipped: Skipped
    requests: int = 0
    asked: int = 0
    in_part: int = 0
    logged: int = 0
    unexplained: int = 0
    lacking: int = 0
    unanswered: int = 0
    as_before: int = 0
    hosts: dict[str, None] = field(default_factory=dict)
    found: Counter[Change] = field(default_factory=Counter)
    groups: dict[tuple[Change, int, int, str], Group] = field(default_factory=dict)

    def add(self, seen: Seen, judged: Judged, count: int) -> None:
        """Count a request that came so many times, and what is said of it now."""
        self.requests += count
        self.logged += count * seen.logged
        if not seen.logged and len(self.hosts) < _MAX_HOSTS:
            self.hosts[seen.request.host] = None
        if judged.verdict == "error":
            self.unanswered += count
        elif _lacks(seen, judged):
            self.lacking += count
        elif seen.refused and not judged.refused and not seen.explained:
            self.unexplained += count
        else:
            self.in_part += count * (not seen.whole)
            if seen.refused == judged.refused:
                self.as_before += count
            else:
                self._changed(seen, judged, count)

    def _changed(self, seen: Seen, judged: Judged, count: int) -> None:
        change: Change = "refused" if judged.refused else "passes"
        self.found[change] += count
        rule, message = judged.rule, judged.message
        if change == "passes":
            rule, message = seen.why[0] if seen.why else (0, "")
        group = self._group(change, rule, judged.status, message, seen)
        group.count += count
        group.odd += count * (not is_plain(seen.request.target))
        if len(group.methods) < _MAX_METHODS:
            group.methods[seen.request.method] = None
        if change == "refused":
            group.knob = group.knob or judged.knob
            for match in judged.needed:
                if len(group.matches) < _MAX_MATCHES:
                    group.matches.setdefault((match.rule, match.target), match)

    def _group(self, change: Change, rule: int, status: int, message: str, seen: Seen) -> Group:
        pattern = pattern_of(seen.request.path)
        if len(self.groups) >= MAX_GROUPS and (change, rule, status, pattern) not in self.groups:
            pattern = f"/{ANY}"
        made = Group(change, rule, status, message, pattern, seen.place, seen.request.path[:_NAME])
        return self.groups.setdefault((change, rule, status, pattern), made)

    def sorted(self, change: Change) -> list[Group]:
        """Return the groups of a kind, the largest first."""
        mine = (group for group in self.groups.values() if group.change == change)
        return sorted(mine, key=lambda one: (-one.count, one.rule, one.path))

    def as_json(self) -> dict[str, object]:
        """Return the stable JSON form; every key is always there."""
        skipped = self.skipped
        return {
            "requests": self.requests,
            "asked": self.asked,
            "newly_refused": self.found["refused"],
            "newly_passing": self.found["passes"],
            "as_before": self.as_before,
            "judged_in_part": self.in_part,
            "without_headers": self.logged,
            "hosts": list(self.hosts),
            "not_judged": {
                "refused_then_for_what_is_not_kept": self.unexplained,
                "refused_now_for_want_of_what_is_not_kept": self.lacking,
                "no_answer": self.unanswered,
                "stopped_before_the_rules": skipped.gates,
                "unclear": skipped.unclear,
                "other_hosts": skipped.elsewhere,
            },
            "malformed": skipped.malformed,
            "first_malformed": skipped.first,
            "other_lines": skipped.others,
            "groups": [one.as_json() for one in self._all()],
        }

    def _all(self) -> Iterator[Group]:
        yield from self.sorted("refused")
        yield from self.sorted("passes")


_NEED_A_BODY = frozenset({400, 411, 413, 415})
"""What a request without its body, or without the headers that go with it, is answered."""


def _lacks(seen: Seen, judged: Judged) -> bool:
    """Return whether a request may only be refused because not all of it is known."""
    if judged.verdict != "reject":
        return False
    if not seen.whole and judged.status in _NEED_A_BODY:
        return True
    return seen.logged and seen.request.host == UNKNOWN_HOST


def judged(finding: Finding, needed: tuple[Match, ...], knob: Proposal | None) -> Judged:
    """Return what is kept of a finding."""
    answer = finding.answer
    lead = next(iter(needed or answer.matches), None) if answer.refused else None
    return Judged(
        answer.verdict,
        answer.status,
        lead.rule if lead else 0,
        lead.message if lead else "",
        needed,
        knob,
    )
