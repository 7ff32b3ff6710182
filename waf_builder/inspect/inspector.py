"""Requests in, findings out: the WAF of one spec, asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from waf_builder.inspect.answer import Answer
from waf_builder.inspect.proposal import propose
from waf_builder.inspect.report import Finding
from waf_builder.inspect.request import HttpRequest
from waf_builder.inspect.routing import Routing
from waf_builder.problem import Problem


class Judge(Protocol):
    """Whoever says what the rules say: a running nginx, or libmodsecurity in this process."""

    def judge(self, requests: Iterable[HttpRequest]) -> Iterator[Answer]:
        """Yield the answer to each request, in order."""


@dataclass(frozen=True)
class Inspector:
    """A WAF that is ready to be asked.

    problems: the warnings about its spec.
    """

    routing: Routing
    judge: Judge
    problems: tuple[Problem, ...]

    def findings(self, requests: Iterable[HttpRequest]) -> Iterator[Finding]:
        """Yield what the WAF says to each request, in order."""
        for answer in self.judge.judge(requests):
            threshold = self.routing.threshold_of(answer.route)
            yield Finding(answer, threshold, propose(answer, threshold))
