"""Paths that say something else than they seem to."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.spec.model import Spec
from waf_builder.spec.validate.platform import Locator
from waf_builder.spec.yaml import Path, dotted


def paths(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield a warning for each path that looks like a pattern."""
    for where, path in _paths(spec):
        if "*" in path:
            yield Problem(
                "spec.path-star",
                f"{dotted(where)} {path!r} holds a *, which stands for itself alone",
                at(where),
                "A path is no pattern: /api/ holds all that is below it already.",
                Severity.WARNING,
            )


def _paths(spec: Spec) -> Iterator[tuple[Path, str]]:
    waf: Path = ("waf",)
    policies = [(waf, spec.waf.exclusions)]
    for index, route in enumerate(spec.routes):
        yield ("routes", index, "path"), route.path
        policies.append((("routes", index, "waf"), route.waf.exclusions))
    for own, exclusions in policies:
        for number, exclusion in enumerate(exclusions):
            if exclusion.path:
                yield (*own, "exclusions", number, "path"), exclusion.path
