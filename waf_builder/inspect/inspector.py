"""Requests in, findings out: the WAF of one spec, asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from waf_builder.inspect.answer import Answer
from waf_builder.inspect.proposal import Proposal, propose
from waf_builder.inspect.report import Finding
from waf_builder.inspect.request import HttpRequest, RequestError
from waf_builder.inspect.routing import Routing
from waf_builder.problem import Problem

if TYPE_CHECKING:
    from waf_builder.crs.rules import RuleIndex
    from waf_builder.inspect.opening import Opening


class Judge(Protocol):
    """Whoever says what the rules say: a running nginx, or libmodsecurity in this process."""

    def judge(self, requests: Iterable[HttpRequest]) -> Iterator[Answer]:
        """Yield the answer to each request, in order."""


@dataclass(frozen=True)
class Inspector:
    """A WAF that is ready to be asked.

    problems: the warnings about its spec. rules: gives all rules in force, when they are needed.
    """

    routing: Routing
    judge: Judge
    problems: tuple[Problem, ...]
    rules: Callable[[], RuleIndex] | None = None

    def findings(self, requests: Iterable[HttpRequest]) -> Iterator[Finding]:
        """Yield what the WAF says to each request, in order.

        Where the requests end in RequestError, it comes after what is said to those before it:
        whoever judges takes some at a time.
        """
        ending: list[RequestError] = []
        for answer in self.judge.judge(_readable(requests, ending)):
            threshold = self.routing.threshold_of(answer.route)
            proposal = propose(answer, threshold, self.rules)
            yield Finding(answer, threshold, proposal, self._openings(answer, proposal))
        if ending:
            raise ending[0]

    def _openings(self, answer: Answer, proposal: Proposal | None) -> tuple[Opening, ...]:
        if proposal is None or not proposal.excluded or self.rules is None:
            return ()
        from waf_builder.inspect.opening import openings

        level = self.routing.level_of(answer.route)
        return tuple(openings(proposal.excluded, proposal.path, self.rules(), level))


def _readable(requests: Iterable[HttpRequest], ending: list[RequestError]) -> Iterator[HttpRequest]:
    """Yield the requests before one that cannot be read, and put why into `ending`."""
    try:
        yield from requests
    except RequestError as error:
        ending.append(error)
