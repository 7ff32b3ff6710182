"""Limits of the platform that a spec must fit."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from waf_builder.problem import Place, Problem, Severity
from waf_builder.spec.yaml import Path, dotted

Locator = Callable[[Path], Place]

ROUTER_FIRST_BYTE_MS = 30_000
ROUTER_IDLE_MS = 60_000
ROUTER_MAX_BODY = 75 * 1024**2
"""Limits of the platform's router: https://doc.scalingo.com/platform/networking/public/routing"""
PRIVATE_NETWORK = ipaddress.ip_network("10.240.0.0/22")
"""Addresses of containers: https://doc.scalingo.com/platform/networking/private/overview"""


def never(path: Path, limit: int, at: Locator) -> Problem:
    """Return the warning about a time that is longer than the router waits; limit in ms."""
    seconds = limit // 1000
    return Problem(
        "spec.timeout-router",
        f"{dotted(path)} is longer than {seconds}s and can never take effect",
        at(path),
        f"The platform's router gives up after {seconds} s.",
        Severity.WARNING,
    )


def body_too_large(place: Place, name: str) -> Problem:
    """Return the error about a body limit that the router never lets a request reach."""
    return Problem(
        "spec.max-body-router",
        f"{name} is over 75m, and the platform's router refuses larger requests with 413",
        place,
        "Let clients upload larger files to an object storage directly.",
    )
