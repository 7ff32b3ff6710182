"""What the types alone cannot see: how the fields of a spec fit together, and the platform."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from waf_builder.problem import Problem
from waf_builder.spec.model import Spec
from waf_builder.spec.validate.access import access
from waf_builder.spec.validate.backends import backends
from waf_builder.spec.validate.clientip import client_ip
from waf_builder.spec.validate.deadlines import deadlines
from waf_builder.spec.validate.exclusions import exclusions
from waf_builder.spec.validate.gates import gates
from waf_builder.spec.validate.headers import headers
from waf_builder.spec.validate.logs import logs
from waf_builder.spec.validate.paths import paths
from waf_builder.spec.validate.platform import Locator
from waf_builder.spec.validate.plugins import plugins
from waf_builder.spec.validate.policy import policy
from waf_builder.spec.validate.routes import routes

__all__ = ["Locator", "validate"]

_CHECKS = (
    backends,
    routes,
    paths,
    policy,
    plugins,
    exclusions,
    access,
    gates,
    headers,
    client_ip,
    logs,
)


def validate(spec: Spec, at: Locator, today: dt.date) -> Iterator[Problem]:
    """Yield every problem of a spec whose fields are each valid."""
    for check in _CHECKS:
        yield from check(spec, at)
    yield from deadlines(spec, at, today)
