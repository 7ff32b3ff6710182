"""Headers that are not a spec's to change, each with its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from waf_builder.problem import Problem, Severity
from waf_builder.spec.clientheaders import CLIENT_ADDRESS, REMOVED
from waf_builder.spec.model import HeaderChanges, Route, Spec
from waf_builder.spec.validate.platform import Locator
from waf_builder.spec.yaml import Path, dotted

_FRAMING = "it says where a message ends, and a wrong one lets a request hide in another"
_HOP = "it is about one connection, and nginx writes it for each"
_BODY = "it says how the body is to be read, and the rules have read it as it was sent"
_OWN = "the WAF writes it, so that the backend can rely on it"
_LIE = "the WAF removes it from every request: a client could lie with it"
_CLIENT = "it names the client, and `client_ip.header` says in which one the backend finds it"
_NGINX = "nginx writes it"

_ANY: Mapping[str, str] = {
    **dict.fromkeys(("content-length", "transfer-encoding"), _FRAMING),
    **dict.fromkeys(
        ("connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"), _HOP
    ),
    **dict.fromkeys(("content-encoding", "content-type"), _BODY),
    "x-request-id": _OWN,
}
REFUSED: Mapping[str, Mapping[str, str]] = {
    "request": {
        **_ANY,
        "host": "a backend's `host_header` says what it sees",
        "accept-encoding": "`inspect_responses` decides whether a response may be compressed",
        "expect": _HOP,
        **dict.fromkeys(
            (
                "x-real-ip",
                "x-forwarded-for",
                "x-forwarded-host",
                "x-forwarded-proto",
                "x-forwarded-port",
            ),
            _OWN,
        ),
        **dict.fromkeys(map(str.lower, CLIENT_ADDRESS), _CLIENT),
        **dict.fromkeys(map(str.lower, ("Forwarded", *REMOVED)), _LIE),
    },
    "response": {
        **_ANY,
        **dict.fromkeys(("date", "server"), _NGINX),
        "retry-after": "the WAF sends it with what `rate_limit` refuses",
    },
}
"""By direction, in small letters; names that begin with these as well:"""
_BEGINNINGS: Mapping[str, Mapping[str, str]] = {
    "request": {"proxy-": _HOP},
    "response": {"x-accel-": "nginx takes it for an order and passes none on"},
}


def headers(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield what is wrong with the headers that are set and removed."""
    owners: list[tuple[Path, Spec | Route]] = [
        ((), spec),
        *((("routes", index), route) for index, route in enumerate(spec.routes)),
    ]
    for path, owner in owners:
        for direction in REFUSED:
            changes: HeaderChanges = getattr(owner.headers, direction)
            yield from _changes(changes, direction, (*path, "headers", direction), at)


def _changes(changes: HeaderChanges, direction: str, path: Path, at: Locator) -> Iterator[Problem]:
    entries: list[tuple[str, Path]] = [
        *((name, (*path, "set", name)) for name in changes.set),
        *((name, (*path, "remove", index)) for index, name in enumerate(changes.remove)),
    ]
    seen: dict[str, Path] = {}
    for name, place in entries:
        reason = _reason(name.lower(), direction)
        if reason:
            yield Problem(
                "spec.header-refused",
                f"{dotted(path)} changes {name}, which is not for a spec to change",
                at(place),
                f"The reason: {reason}.",
            )
        if name.lower() in seen:
            yield Problem(
                "spec.header-twice",
                f"{dotted(path)} names {name} twice",
                at(place),
                "What is set replaces whatever was sent; capital letters make no difference.",
            )
        seen[name.lower()] = place
    cookie = next((place for name, place in entries if name.lower() == "set-cookie"), None)
    if direction == "response" and cookie and "set" in cookie:
        yield Problem(
            "spec.header-cookie",
            f"{dotted(path)} sets one cookie instead of all that the app sets",
            at(cookie),
            "Everybody would get the same one, and nobody could stay signed in.",
            Severity.WARNING,
        )


def _reason(name: str, direction: str) -> str:
    for start, reason in _BEGINNINGS[direction].items():
        if name.startswith(start):
            return reason
    return REFUSED[direction].get(name, "")
