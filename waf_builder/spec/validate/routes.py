"""How a route's fields fit together, and routes with each other."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.problem import Problem, did_you_mean
from waf_builder.spec.model import Route, Spec
from waf_builder.spec.validate.platform import (
    ROUTER_FIRST_BYTE_MS,
    ROUTER_IDLE_MS,
    ROUTER_MAX_BODY,
    Locator,
    body_too_large,
    never,
)
from waf_builder.spec.yaml import Path

RESERVED_PATHS = "/__waf/errors/"
"""Where nginx finds the error pages; internal."""


def routes(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield what is wrong with the routes, one by one and together."""
    if not spec.routes and len(spec.backends) > 1:
        names = ", ".join(spec.backends)
        yield Problem(
            "spec.no-routes",
            f"there are several backends ({names}) and no routes",
            at(("backends",)),
            "Write `routes:` with a path and a backend each.",
        )
    if not spec.routes and spec.health.path == "/":
        yield Problem(
            "spec.path-reserved",
            "health.path '/' would be answered by the WAF itself, not by the backend",
            at(("health", "path")),
            "Choose a path that the backend does not have.",
        )
    seen: dict[tuple[str, str, bool], int] = {}
    for index, route in enumerate(spec.routes):
        path: Path = ("routes", index)
        yield from _route_backend(route, spec, path, at)
        yield from _route(route, spec, path, at)
        yield from _same_hosts(route, path, at)
        yield from _refused_by_rules(route, path, at)
        for host in route.hosts or ("",):
            first = seen.setdefault((host, route.path, route.exact), index)
            if first != index:
                on = f" on {host}" if host else ""
                yield Problem(
                    "spec.same-route",
                    f"routes[{index}] can never match: routes[{first}] has the same path{on}",
                    at((*path, "path")),
                    "Remove one, or give them different paths, hosts or `exact`.",
                )
                break


def _same_hosts(route: Route, path: Path, at: Locator) -> Iterator[Problem]:
    for number, host in enumerate(route.hosts):
        if host in route.hosts[:number]:
            yield Problem(
                "spec.same-host",
                f"{path[0]}[{path[1]}].hosts names {host} twice",
                at((*path, "hosts", number)),
                "Remove one; capital letters make no difference.",
            )


def _refused_by_rules(route: Route, path: Path, at: Locator) -> Iterator[Problem]:
    for field, allowed in (
        ("methods", "allowed_methods"),
        ("content_types", "allowed_content_types"),
    ):
        own = getattr(route.waf, allowed)
        for number, name in enumerate(getattr(route, field) if own is not None else ()):
            if name not in own:
                yield Problem(
                    "spec.refused-by-rule",
                    f"routes[{path[1]}].{field} names {name}, and its waf.{allowed} refuses it",
                    at((*path, field, number)),
                    f"Remove waf.{allowed}: what the route names is allowed there.",
                )


def _route_backend(route: Route, spec: Spec, path: Path, at: Locator) -> Iterator[Problem]:
    names = list(spec.all_backends())
    if route.backend is None and len(names) > 1:
        yield Problem(
            "spec.route-backend",
            f"{path[0]}[{path[1]}] names no backend",
            at(path),
            f"Known: {', '.join(names)}.",
        )
    if route.backend is not None and route.backend not in names and names:
        yield Problem(
            "spec.route-backend",
            f"{path[0]}[{path[1]}].backend: there is no backend {route.backend!r}",
            at((*path, "backend")),
            did_you_mean(route.backend, names) or f"Known: {', '.join(names)}.",
        )


def _route(route: Route, spec: Spec, path: Path, at: Locator) -> Iterator[Problem]:
    if route.max_body is not None and route.max_body > ROUTER_MAX_BODY:
        yield body_too_large(at((*path, "max_body")), f"routes[{path[1]}].max_body")
    if route.websocket and route.streaming:
        yield Problem(
            "spec.websocket-streaming",
            f"routes[{path[1]}] has both websocket and streaming, expected one",
            at((*path, "streaming")),
            "A WebSocket is passed on at once anyway.",
        )
    if route.streaming and route.waf.inspect_responses:
        yield Problem(
            "spec.streaming-inspect",
            f"routes[{path[1]}] has both streaming and inspect_responses, expected one",
            at((*path, "waf", "inspect_responses")),
            "A stream is passed on at once, before any rule could read it.",
        )
    if route.path == spec.health.path or route.path.startswith(RESERVED_PATHS):
        yield Problem(
            "spec.path-reserved",
            f"routes[{path[1]}].path {route.path!r} is answered by the WAF itself",
            at((*path, "path")),
            "Choose another path, or another `health.path`.",
        )
    limit = ROUTER_IDLE_MS if route.websocket or route.streaming else ROUTER_FIRST_BYTE_MS
    for field in ("connect", "send", "read"):
        value = getattr(route.timeouts, field)
        if value is not None and value > limit:
            yield never((*path, "timeouts", field), limit, at)
