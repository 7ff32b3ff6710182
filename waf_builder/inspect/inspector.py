"""Requests in, findings out: the WAF of one spec, asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from waf_builder.config.model import Config
from waf_builder.inspect.answer import Answer
from waf_builder.inspect.nginx import NginxJudge
from waf_builder.inspect.proposal import propose
from waf_builder.inspect.report import Finding
from waf_builder.inspect.request import HttpRequest
from waf_builder.problem import Problem

_THRESHOLD = "inbound_anomaly_score_threshold"


@dataclass(frozen=True)
class Inspector:
    """A WAF that is running and can be asked.

    problems: the warnings about its spec.
    """

    config: Config
    judge: NginxJudge
    problems: tuple[Problem, ...]

    def findings(self, requests: Iterable[HttpRequest]) -> Iterator[Finding]:
        """Yield what the WAF says to each request, in order."""
        for answer in self.judge.judge(requests):
            threshold = self._threshold(answer)
            yield Finding(answer, threshold, propose(answer, threshold))

    def _threshold(self, answer: Answer) -> int:
        variables = dict(self.config.policy.variables)
        for policy in self.config.route_policies:
            if policy.route == answer.route and policy.variables:
                variables = dict(policy.variables)
        return int(variables[_THRESHOLD])
