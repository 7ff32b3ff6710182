"""Traffic through the WAF: each different request is asked once."""

from __future__ import annotations

import hashlib
from collections import Counter, OrderedDict, deque
from collections.abc import Iterable, Iterator
from typing import Protocol

from waf_builder.inspect.report import Finding
from waf_builder.inspect.request import HttpRequest
from waf_builder.replay.group import Judged, judged
from waf_builder.replay.outcome import Outcome
from waf_builder.replay.paths import pattern_of
from waf_builder.replay.seen import Seen, Skipped, Why

REMEMBERED = 20_000
"""Answers that are kept, the latest ones: some 20 MB."""
MAX_TRIED = 50
"""Proposals that are tried, one for requests that are alike: each takes some 0.1 s."""

_Key = bytes
_Alike = tuple[str, frozenset[tuple[int, str]], int]
_Kind = tuple[bool, bool, bool, bool, tuple[Why, ...]]


class Asked(Protocol):
    """What can be asked: an Inspector."""

    def findings(self, requests: Iterable[HttpRequest]) -> Iterator[Finding]:
        """Yield what the WAF says to each request, in order."""

    def tried(self, finding: Finding) -> Finding:
        """Return a finding of which the proposal was tried."""


def replay(waf: Asked, seen: Iterable[Seen], skipped: Skipped) -> Outcome:
    """Return what the WAF now says to what was seen; memory does not grow with the traffic."""
    return _Replay(skipped).run(waf, seen)


class _Replay:
    def __init__(self, skipped: Skipped) -> None:
        self._outcome = Outcome(skipped)
        self._known: OrderedDict[_Key, Judged] = OrderedDict()
        self._waiting: dict[_Key, Counter[_Kind]] = {}
        self._examples: dict[tuple[_Key, _Kind], Seen] = {}
        self._asked: deque[_Key] = deque()
        self._tried: dict[_Alike, Judged] = {}

    def run(self, waf: Asked, seen: Iterable[Seen]) -> Outcome:
        for finding in waf.findings(self._unknown(seen)):
            key = self._asked.popleft()
            said = judged(finding)
            if said.doubt and any(not refused for refused, *_ in self._waiting[key]):
                said = self._without_doubt(waf, finding, said)
            self._take(key, said)
        return self._outcome

    def _without_doubt(self, waf: Asked, finding: Finding, said: Judged) -> Judged:
        """Return what is kept of a finding, tried; requests that are alike are tried once."""
        answer = finding.answer
        found = frozenset((match.rule, match.target) for match in answer.matches)
        alike = (pattern_of(answer.request.path), found, answer.score)
        if alike not in self._tried:
            if len(self._tried) >= MAX_TRIED:
                return said
            self._tried[alike] = judged(waf.tried(finding))
        return self._tried[alike]

    def _unknown(self, seen: Iterable[Seen]) -> Iterator[HttpRequest]:
        """Yield what has to be asked; the rest is counted on the way."""
        for one in seen:
            key = _key(one.request)
            if (known := self._known.get(key)) is not None:
                self._known.move_to_end(key)
                self._outcome.add(one, known, 1)
                continue
            new = key not in self._waiting
            kind = (one.refused, one.logged, one.whole, one.explained, one.why)
            self._waiting.setdefault(key, Counter())[kind] += 1
            self._examples.setdefault((key, kind), one)
            if new:
                self._asked.append(key)
                self._outcome.asked += 1
                yield one.request

    def _take(self, key: _Key, said: Judged) -> None:
        for kind, count in self._waiting.pop(key).items():
            self._outcome.add(self._examples.pop((key, kind)), said, count)
        self._known[key] = said
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def _key(request: HttpRequest) -> _Key:
    return hashlib.blake2b(request.wire(), digest_size=16).digest()
