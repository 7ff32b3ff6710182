"""Requests in, findings out: the WAF of one spec, asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from waf_builder.inspect import shown
from waf_builder.inspect.answer import Answer
from waf_builder.inspect.proof import Again, settled
from waf_builder.inspect.proposal import Proposal, propose
from waf_builder.inspect.report import Finding
from waf_builder.inspect.request import HttpRequest, RequestError
from waf_builder.inspect.routing import Host, Routing, host_for
from waf_builder.problem import Problem

if TYPE_CHECKING:
    from waf_builder.crs.rules import RuleIndex
    from waf_builder.inspect.opening import Opening

_NOT_FOUND = 404
_NAMED = 3
"""Of the hosts of a spec, in a remark."""


class Judge(Protocol):
    """Whoever says what the rules say: a running nginx, or libmodsecurity in this process."""

    def judge(self, requests: Iterable[HttpRequest]) -> Iterator[Answer]:
        """Yield the answer to each request, in order."""


@dataclass(frozen=True)
class Inspector:
    """A WAF that is ready to be asked.

    problems: the warnings about its spec. rules: gives all rules in force, when they are needed.
    again: asks once more, without what a proposal leaves out; None where that cannot be.
    """

    routing: Routing
    judge: Judge
    problems: tuple[Problem, ...]
    rules: Callable[[], RuleIndex] | None = None
    again: Again | None = None

    def findings(
        self, requests: Iterable[HttpRequest], *, asking_again: bool = False
    ) -> Iterator[Finding]:
        """Yield what the WAF says to each request, in order.

        asking_again: whether a proposal that may not suffice is tried. Where the requests end in
        RequestError, it comes after what is said to those before it: whoever judges takes some at a
        time.
        """
        again = self.again if asking_again else None
        ending: list[RequestError] = []
        for answer in self.judge.judge(_readable(requests, ending)):
            yield self._finding(answer, again)
        if ending:
            raise ending[0]

    def tried(self, finding: Finding) -> Finding:
        """Return a finding of which the proposal was tried, where that can be."""
        return self._finding(finding.answer, self.again)

    def _finding(self, answer: Answer, again: Again | None) -> Finding:
        threshold = self.routing.threshold_of(answer.route)
        proposal = propose(answer, self.routing, self.rules)
        if proposal and proposal.excluded:
            index = self.rules() if self.rules else None
            proposal = settled(proposal, answer, threshold, index, again)
        openings = self._openings(answer, proposal)
        return Finding(answer, threshold, proposal, openings, self._remark(answer))

    def _remark(self, answer: Answer) -> str:
        """Return what explains a 404: a path alone is asked of a host that no route may have."""
        host = answer.request.host
        hosts = self.routing.hosts
        names = [name for one in hosts for name in one.names]
        if answer.status != _NOT_FOUND or answer.route or not names or _is_named(hosts, host):
            return ""
        several = ", ".join([*names[:_NAMED], *(["..."] if len(names) > _NAMED else [])])
        example = names[0].replace("*", "www")
        asked = shown.printable(host) or "no host"
        return (
            f"The spec has routes for {several}, and {asked} was asked: http://{example}/... asks"
            " one of them."
        )

    def _openings(self, answer: Answer, proposal: Proposal | None) -> tuple[Opening, ...]:
        if proposal is None or not proposal.excluded or self.rules is None:
            return ()
        from waf_builder.inspect.opening import openings

        level = self.routing.level_of(answer.route)
        return tuple(openings(proposal, self.rules(), level))


def _is_named(hosts: Sequence[Host], host: str) -> bool:
    return bool(host_for(hosts, host.partition(":")[0].lower()).names)


def _readable(requests: Iterable[HttpRequest], ending: list[RequestError]) -> Iterator[HttpRequest]:
    """Yield the requests before one that cannot be read, and put why into `ending`."""
    try:
        yield from requests
    except RequestError as error:
        ending.append(error)
