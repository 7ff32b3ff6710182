"""What a replay found: the requests that are answered otherwise now, in few groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from waf_builder.config.plainpath import is_plain
from waf_builder.inspect.answer import REFUSED, Match
from waf_builder.inspect.logline import UNKNOWN_HOST
from waf_builder.inspect.proposal import (
    Proposal,
    everywhere,
    exclusion,
    with_settings,
    without_repeats,
)
from waf_builder.inspect.report import Finding
from waf_builder.inspect.setting import Setting
from waf_builder.inspect.shown import masked
from waf_builder.replay.paths import ANY, pattern_of, prefix_of
from waf_builder.replay.seen import Seen, Skipped

Change = Literal["refused", "passes"]
"""What is new."""

MAX_GROUPS = 500
"""Of each rule's further paths, whatever comes is one group."""
MAX_MATCHES = 20
"""Of a group, in what is proposed for it."""
_MAX_METHODS = 9
_MAX_HOSTS = 20
_NAME = 120
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
    groups: dict[tuple[Change, int, int, str, str], Group] = field(default_factory=dict)

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
        route = judged.route if change == "refused" else ""
        group = self._group((change, rule, judged.status, route), message, seen)
        group.count += count
        group.odd += count * (not is_plain(seen.request.target))
        if len(group.methods) < _MAX_METHODS:
            group.methods[seen.request.method] = None
        if change == "refused":
            group.let_pass(judged)

    def _group(self, kind: tuple[Change, int, int, str], message: str, seen: Seen) -> Group:
        path = masked(seen.request.path)
        pattern = pattern_of(path)
        if len(self.groups) >= MAX_GROUPS and (*kind, pattern) not in self.groups:
            pattern = f"/{ANY}"
        change, rule, status, route = kind
        made = Group(change, rule, status, message, pattern, seen.place, path[:_NAME], route)
        return self.groups.setdefault((*kind, pattern), made)

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
