"""Servers and their locations: which request meets which route."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from waf_builder.config.gates import slash_redirects
from waf_builder.config.model import (
    Backend,
    Exclusion,
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


_EVERY_HOST = "*"
"""Stands for the hosts that no route names."""


def build_locations(  # noqa: PLR0913  each of them is a thing of its own
    spec: Spec,
    backends: Mapping[str, Backend],
    policy: Policy,
    common: tuple[Timeouts, int],
    target: Target,
    *,
    exclusions: Mapping[int, tuple[Exclusion, ...]],
) -> list[tuple[Route, Location]]:
    """Return each route with its location, in the order of the spec.

    exclusions: of the routes that have their own, by index.
    """
    names: dict[str, int] = {}
    located = []
    for index, route in enumerate(spec.all_routes()):
        label = label_of(route)
        waf = route_waf(route, spec)
        own = build_policy(waf, route.max_body or spec.max_body, target)
        file = f"modsecurity/routes/{_unique(_slug(label), names)}.conf"
        changed = build_route_policy(file, label, (own, policy), exclusions.get(index, ()))
        if changed is None:
            del names[file.removeprefix("modsecurity/routes/").removesuffix(".conf")]
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
    inspect = own.response_access == "On" and mode != "off"
    timeouts = _timeouts(route, backend)
    return Location(
        label=label,
        modifier="=" if route.exact else "",
        path=route.path,
        gate=None,
        behind_gate="",
        backend=backend,
        mode=mode,
        policy=changed,
        methods="|".join(methods),
        allow=", ".join(methods),
        content_types=_content_type_pattern(route.content_types),
        accept=", ".join(route.content_types),
        max_body=route.max_body,
        websocket=route.websocket,
        streaming=route.streaming,
        inspect_responses=inspect,
        holds_responses=inspect and not route.websocket,
        own_proxy_headers=route.websocket or inspect or backend.host_header != "$waf_host",
        request_headers=(),
        headers=None,
        timeouts=timeouts if timeouts != common[0] else None,
        tries=backend.tries if backend.tries != common[1] else None,
    )


def _content_type_pattern(content_types: Sequence[str]) -> str:
    """Return a pattern of the types; in brackets, since nginx has its own use for backslashes."""
    return re.sub(r"[.+]", r"[\g<0>]", "|".join(content_types))


def _timeouts(route: Route, backend: Backend) -> Timeouts:
    idle = IDLE_MS if route.websocket or route.streaming else 0
    own, general = route.timeouts, backend.timeouts
    return Timeouts(
        connect=own.connect or general.connect,
        send=own.send or max(idle, general.send),
        read=own.read or max(idle, general.read),
    )


def build_servers(
    located: Sequence[tuple[Route, Location]], canonical_host: str
) -> tuple[Server, ...]:
    """Return the server blocks, the default one first: nginx takes the first for it.

    A route without hosts holds on every server, and one for *.example.com on those of the names
    below it: nginx itself would take one server only, the most specific. Hosts with the same
    routes share a server.
    """
    own: dict[str, list[tuple[Route, Location]]] = {_EVERY_HOST: []}
    for route, location in located:
        for host in route.hosts or (_EVERY_HOST,):
            own.setdefault(host, []).append((route, location))
    groups: dict[tuple[int, ...], list[str]] = {}
    members: dict[tuple[int, ...], list[tuple[Route, Location]]] = {}
    for host in [name for name in own if name != _EVERY_HOST]:
        pairs = _merge([own[name] for name in _names_for(host) if name in own])
        key = tuple(id(location) for _, location in pairs)
        groups.setdefault(key, []).append(host)
        members[key] = pairs
    servers = [_server((), own[_EVERY_HOST], canonical_host)]
    servers += [_server(tuple(hosts), members[key]) for key, hosts in groups.items()]
    return tuple(servers)


def _names_for(host: str) -> list[str]:
    """Return the names whose routes hold on a host, the most specific first."""
    labels = host.split(".")
    wildcards = [f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels))]
    return list(dict.fromkeys([host, *wildcards, _EVERY_HOST]))


def _merge(levels: Sequence[Sequence[tuple[Route, Location]]]) -> list[tuple[Route, Location]]:
    """Return the routes of all levels; of two with the same path, the first level's."""
    merged: dict[tuple[str, bool], tuple[Route, Location]] = {}
    for level in levels:
        for route, location in level:
            merged.setdefault((route.path, route.exact), (route, location))
    return list(merged.values())


def _server(
    names: tuple[str, ...], pairs: Sequence[tuple[Route, Location]], canonical_host: str = ""
) -> Server:
    locations = tuple(location for _, location in pairs)
    return Server(
        names=names,
        locations=locations,
        canonical_host=canonical_host,
        slash_redirects=slash_redirects(locations),
        answers_everything=any(route.path == "/" and not route.exact for route, _ in pairs),
    )


def label_of(route: Route) -> str:
    """Return how logs and messages name a route: `api.example.com/v1/`, `= /login`."""
    host = ",".join(route.hosts[:2]) + (",..." if len(route.hosts) > 2 else "")  # noqa: PLR2004
    return f"{'= ' if route.exact else ''}{host}{route.path}"


def _slug(label: str) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", label.lower().replace("*", "any")).strip("-")
    return words[:60].strip("-") or "root"


def _unique(slug: str, taken: dict[str, int]) -> str:
    """Return slug, or slug-2, slug-3, ...; taken holds each name and the last number tried."""
    name, number = slug, taken.get(slug, 1)
    while name in taken:
        number += 1
        name = f"{slug}-{number}"
    if name != slug:
        taken[slug] = number
    taken[name] = 1
    return name
