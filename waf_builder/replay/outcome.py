"""What a replay found: the requests that are answered otherwise now, in few groups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from waf_builder.config.plainpath import is_plain
from waf_builder.inspect.logline import UNKNOWN_HOST
from waf_builder.inspect.shown import masked
from waf_builder.replay.group import Change, Group, Judged
from waf_builder.replay.paths import ANY, pattern_of
from waf_builder.replay.seen import Seen, Skipped

MAX_GROUPS = 500
"""Of each rule's further paths, whatever comes is one group."""
_MAX_METHODS = 9
_MAX_HOSTS = 20
_NAME = 120


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
