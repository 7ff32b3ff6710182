"""What the platform's router makes of a request before the WAF sees it."""

from __future__ import annotations

from dataclasses import replace

from waf_builder.inspect.request import HttpRequest

CLIENT = "198.51.100.7"
"""Who asks: an address for documentation (RFC 5737). 127.0.0.1 would be spared some rules."""

_BY_ROUTER = frozenset({"x-real-ip", "x-forwarded-for", "x-forwarded-proto", "x-request-id"})
"""What the router sets, whatever a client has sent."""


def forwarded(request: HttpRequest, key: str) -> HttpRequest:
    """Return a request with the router's headers; key: the request's id."""
    own = [pair for pair in request.headers if pair[0].lower() not in _BY_ROUTER]
    own += [
        ("X-Real-IP", CLIENT),
        ("X-Forwarded-For", CLIENT),
        ("X-Forwarded-Proto", "https"),
        ("X-Request-ID", key),
    ]
    if not request.header("connection"):
        own.append(("Connection", "close"))
    return replace(request, headers=tuple(own))
