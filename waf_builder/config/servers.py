"""Servers and their locations: which request meets which route."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from waf_builder.config.model import (
    Backend,
    Location,
    Policy,
    RoutePolicy,
    Server,
    Target,
    Timeouts,
)
from waf_builder.config.policies import (
    build_policy,
    build_route_policy,
    route_waf,
    with_head,
)
from waf_builder.spec.model import Route, Spec

IDLE_MS = 75_000
"""How long a WebSocket or an event stream may be silent: a little more than the platform's
router allows (60 s), so that the router's rule is the one that counts."""


def build_locations(
    spec: Spec,
    backends: Mapping[str, Backend],
    policy: Policy,
    common: tuple[Timeouts, int],
    target: Target,
) -> list[tuple[Route, Location]]:
    """Return each route with its location, in the order of the spec."""
    names: set[str] = set()
    located = []
    for route in spec.all_routes():
        label = label_of(route)
        waf = route_waf(route, spec)
        own = build_policy(waf, route.max_body or spec.max_body, target)
        file = f"modsecurity/routes/{_unique(_slug(label), names)}.conf"
        changed = build_route_policy(file, label, own, policy)
        if changed is None:
            names.discard(file.removeprefix("modsecurity/routes/").removesuffix(".conf"))
        backend = backends[route.backend or next(iter(backends))]
        located.append((route, _location(route, label, backend, (waf.mode, own, changed), common)))
    return located


def _location(
    route: Route,
    label: str,
    backend: Backend,
    policy: tuple[str, Policy, RoutePolicy | None],
    common: tuple[Timeouts, int],
) -> Location:
    mode, own, changed = policy
    methods = with_head(route.methods)
    inspect = own.inspect_responses and mode != "off" and not route.streaming
    timeouts = _timeouts(route, backend)
    return Location(
        label=label,
        modifier="=" if route.exact else "",
        path=route.path,
        backend=backend,
        mode=mode,
        policy=changed,
        methods="|".join(methods),
        allow=", ".join(methods),
        max_body=route.max_body,
        websocket=route.websocket,
        streaming=route.streaming,
        inspect_responses=inspect,
        own_proxy_headers=route.websocket or inspect or backend.host_header != "$waf_host",
        timeouts=timeouts if timeouts != common[0] else None,
        tries=backend.tries if backend.tries != common[1] else None,
    )


def _timeouts(route: Route, backend: Backend) -> Timeouts:
    idle = IDLE_MS if route.websocket or route.streaming else 0
    own, general = route.timeouts, backend.timeouts
    return Timeouts(
        connect=own.connect or general.connect,
        send=own.send or max(idle, general.send),
        read=own.read or max(idle, general.read),
    )


def build_servers(located: Sequence[tuple[Route, Location]]) -> tuple[Server, ...]:
    """Return the server blocks, the default one first: nginx takes the first for it.

    A route without hosts holds on every server. Hosts with the same routes share a server.
    """
    everywhere = [(route, location) for route, location in located if not route.hosts]
    own: dict[str, list[tuple[Route, Location]]] = {}
    for route, location in located:
        for host in route.hosts:
            own.setdefault(host, []).append((route, location))
    groups: dict[tuple[int, ...], list[str]] = {}
    members: dict[tuple[int, ...], list[tuple[Route, Location]]] = {}
    for host, pairs in own.items():
        key = tuple(id(location) for _, location in pairs)
        groups.setdefault(key, []).append(host)
        members[key] = pairs
    servers = [_server((), everywhere)]
    servers += [
        _server(tuple(hosts), _merge(members[key], everywhere)) for key, hosts in groups.items()
    ]
    return tuple(servers)


def _merge(
    own: Sequence[tuple[Route, Location]], everywhere: Sequence[tuple[Route, Location]]
) -> list[tuple[Route, Location]]:
    """Put a host's own route before one of the same path that holds everywhere."""
    taken = {(route.path, route.exact) for route, _ in own}
    rest = [pair for pair in everywhere if (pair[0].path, pair[0].exact) not in taken]
    return [*own, *rest]


def _server(names: tuple[str, ...], pairs: Sequence[tuple[Route, Location]]) -> Server:
    return Server(
        names=names,
        locations=tuple(location for _, location in pairs),
        answers_everything=any(route.path == "/" and not route.exact for route, _ in pairs),
    )


def label_of(route: Route) -> str:
    """Return how logs and messages name a route: `api.example.com/v1/`, `= /login`."""
    host = ",".join(route.hosts[:2]) + (",..." if len(route.hosts) > 2 else "")  # noqa: PLR2004
    return f"{'= ' if route.exact else ''}{host}{route.path}"


def _slug(label: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", label.lower().replace("*", "any")).strip("-")
    return words[:60].strip("-") or "root"


def _unique(slug: str, taken: set[str]) -> str:
    name, number = slug, 2
    while name in taken:
        name, number = f"{slug}-{number}", number + 1
    taken.add(name)
    return name
