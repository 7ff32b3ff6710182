"""Whether what a spec asks of every request is ever asked."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.spec.model import Spec
from waf_builder.spec.validate.platform import Locator

REPLACED = ("access", "basic_auth", "rate_limit", "max_connections")
"""Keys of which a route's own takes the place of the spec's."""


def gates(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield the keys that hold nowhere, since each route has its own."""
    for key in REPLACED:
        own = [getattr(route, key) for route in spec.all_routes()]
        if getattr(spec, key) is not None and None not in own:
            yield Problem(
                "spec.never-holds",
                f"{key} holds nowhere: each route has its own",
                at((key,)),
                "A route's own takes its place. Remove it, or that of a route.",
                Severity.WARNING,
            )
