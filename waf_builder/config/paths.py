"""Paths that must be read alike by nginx, which chooses the policy, and by the backend.

nginx decodes and normalizes a path before it chooses a location; the backend gets it as it was
sent. `/admin/..%2fpublic` is `/public` for nginx, and may be `/admin/` and a name for an app.
Where routes differ, such a path is refused.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence

from waf_builder.config.model import Location, Server

_UNRESERVED = re.compile(r"[A-Za-z0-9_~/-]")
"""Characters that no client encodes (RFC 3986, section 2.3), and that mean themselves in a
regular expression."""
_NO_ROUTE = "no route"
_MANY = 100
_GROUP_LENGTH = 1500
"""Well below the 4096 bytes that one word of nginx.conf can have."""


def exactly(path: str) -> str:
    """Return a regular expression for this path and no other, as nginx decodes it."""
    # "$" would also match before a line break at the end, which %0a is.
    return f"^{''.join(map(_literal, path))}\\z"


def differ(servers: Sequence[Server]) -> bool:
    """Whether it matters which location a request meets."""
    keys = {_key(location) for server in servers for location in server.locations}
    return len(keys | _fallback(servers)) > 1


def guarded(servers: Sequence[Server]) -> tuple[str, ...]:
    """Return a regular expression for each route with a policy unlike that of what is around it.

    It matches `$request_uri $uri` where one has the route's path and the other does not: where
    nginx finds `/api/` and the request does not spell it out (`/x/..%2fapi/`, `//api/`, `/api%2f`),
    and where the request does and nginx is somewhere else (`/api/..%2fx`). Hosts are not told
    apart: a path of one host is guarded on all.
    """
    around: dict[str, set[Hashable]] = {}
    routes: dict[tuple[str, str], set[Hashable]] = {}
    for server in servers:
        for location in server.locations:
            key = _key(location)
            routes.setdefault((location.path, location.modifier), set()).add(key)
            if not location.modifier:
                around.setdefault(location.path, set()).add(key)
    fallback = _fallback(servers)
    patterns = [
        _pattern(path, exact=bool(modifier))
        for (path, modifier), keys in routes.items()
        if path != "/" and len(keys.union(fallback, *_above(path, around))) > 1
    ]
    return tuple(_grouped(patterns))


def _grouped(patterns: Sequence[str]) -> Iterator[str]:
    """Yield many patterns as few: each of nginx's costs memory, and gixy's time is quadratic."""
    if len(patterns) <= _MANY:
        yield from patterns
        return
    group: list[str] = []
    for pattern in patterns:
        if group and sum(map(len, group)) + len(pattern) > _GROUP_LENGTH:
            yield "|".join(group)
            group = []
        group.append(pattern)
    yield "|".join(group)


def _key(location: Location) -> Hashable:
    """Return what a request may be after, as it would get it on another route."""
    variables = location.policy.variables if location.policy else None
    exclusions = location.policy.exclusions if location.policy else ()
    return (
        location.mode,
        variables,
        exclusions,
        location.methods,
        location.content_types,
        location.websocket,
        location.gate,
        location.request_headers,
    )


def _fallback(servers: Sequence[Server]) -> set[Hashable]:
    return set() if all(server.answers_everything for server in servers) else {_NO_ROUTE}


def _above(path: str, around: dict[str, set[Hashable]]) -> Iterator[set[Hashable]]:
    return (around[path[:end]] for end in range(1, len(path)) if path[:end] in around)


def _pattern(path: str, *, exact: bool) -> str:
    sent, decoded = "".join(map(as_sent, path)), "".join(map(_literal, path))
    if exact:
        return f"^(?!{sent}[? ])[^ ]+ {decoded}$"
    return f"^(?:(?!{sent})[^ ]+ {decoded}|{sent}[^ ]* (?!{decoded}))"


def as_sent(char: str) -> str:
    """Return a pattern for a character as clients send it: itself or, where they do, encoded."""
    if _UNRESERVED.fullmatch(char) or char == ".":
        return _literal(char)
    return f"(?:{_literal(char)}|{as_encoded(char)})"


def as_encoded(char: str) -> str:
    """Return a pattern for a character in its percent-encoded form."""
    encoded = "".join(f"%{byte:02x}" for byte in char.encode())
    return f"(?i:{encoded})"


def _literal(char: str) -> str:
    return char if _UNRESERVED.fullmatch(char) or not char.isascii() else f"[{char}]"
