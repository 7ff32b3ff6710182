"""What the types alone cannot see: how the fields of a spec fit together, and the platform."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator

from waf_builder.problem import Place, Problem, Severity, did_you_mean
from waf_builder.spec.environment import Deferred
from waf_builder.spec.model import SOLE_BACKEND, Backend, Route, Spec
from waf_builder.spec.yaml import Path, dotted

Locator = Callable[[Path], Place]

ROUTER_FIRST_BYTE_MS = 30_000
ROUTER_IDLE_MS = 60_000
ROUTER_MAX_BODY = 75 * 1024**2
"""Limits of the platform's router: https://doc.scalingo.com/platform/networking/public/routing"""
PRIVATE_NETWORK = ipaddress.ip_network("10.240.0.0/22")
"""Addresses of containers: https://doc.scalingo.com/platform/networking/private/overview"""
PUBLIC_PROCESSES = frozenset({"web", "tcp"})
RESERVED_PATHS = "/__waf/errors/"
"""Where nginx finds the error pages; internal."""


def validate(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield every problem of a spec whose fields are each valid."""
    yield from _backends(spec, at)
    for name, backend in spec.all_backends().items():
        path = ("backend",) if spec.backend else ("backends", name)
        yield from _backend(backend, path, at)
    yield from _routes(spec, at)
    yield from _policy(spec, at)
    yield from _client_ip(spec, at)


def _backends(spec: Spec, at: Locator) -> Iterator[Problem]:
    if spec.backend and spec.backends:
        yield Problem(
            "spec.backend-twice",
            "both backend and backends are there, expected one of them",
            at(("backends",)),
            "Move the one under `backend:` into `backends:` and give it a name.",
        )
    if not spec.backend and not spec.backends:
        yield Problem(
            "spec.no-backend",
            "there is no backend to protect",
            at(()),
            "Write `backend:` with its process, port, app_id and network_id.",
        )
    used = {_backend_of(route, spec) for route in spec.all_routes()}
    for name in spec.backends:
        if name not in used and spec.routes:
            yield Problem(
                "spec.unused-backend",
                f"backends.{name} is used by no route",
                at(("backends", name)),
                "Remove it, or name it in a route.",
                Severity.WARNING,
            )


def _backend(backend: Backend, path: Path, at: Locator) -> Iterator[Problem]:
    name = ".".join(str(part) for part in path)
    ids = backend.model_fields_set & {"app_id", "process", "network_id", "index"}
    if backend.host is not None and ids:
        listed = ", ".join(sorted(ids))
        yield Problem(
            "spec.host-and-ids",
            f"{name} has both host and {listed}, expected one or the other",
            at((*path, "host")),
            "`host` is for names outside the platform's private network.",
        )
    if backend.host is None and backend.app_id is None:
        yield Problem(
            "spec.no-address",
            f"{name} has neither app_id nor host",
            at(path),
            "app_id is the application's id, ap-<uuid>; the dashboard shows it.",
        )
    if backend.host is None:
        yield from _process(backend, name, path, at)
    yield from _timeouts(backend, path, at)


def _process(backend: Backend, name: str, path: Path, at: Locator) -> Iterator[Problem]:
    if backend.process is None and backend.index is not None:
        yield Problem(
            "spec.index-alone",
            f"{name}.index needs a process",
            at((*path, "index")),
            "The name of one container is <index>.<process>.<app_id>...",
        )
    process = backend.process or "web"
    if isinstance(process, Deferred):
        process = process.prefix + process.default + process.suffix
    if process in PUBLIC_PROCESSES:
        stands = (
            "is left out, which the platform reads as 'web'"
            if not backend.process
            else f"is {process!r}"
        )
        yield Problem(
            "spec.process-public",
            f"{name}.process {stands}: it is reachable from outside, past the WAF",
            at((*path, "process") if backend.process else path),
            "Give the process another name in the backend's Procfile, and scale web to 0.",
            Severity.WARNING,
        )


def _timeouts(backend: Backend, path: Path, at: Locator) -> Iterator[Problem]:
    for field in ("connect", "send", "read"):
        if getattr(backend.timeouts, field) > ROUTER_FIRST_BYTE_MS:
            yield _never((*path, "timeouts", field), ROUTER_FIRST_BYTE_MS, at)


def _never(path: Path, limit: int, at: Locator) -> Problem:
    seconds = limit // 1000
    return Problem(
        "spec.timeout-router",
        f"{dotted(path)} is longer than {seconds}s and can never take effect",
        at(path),
        f"The platform's router gives up after {seconds} s.",
        Severity.WARNING,
    )


def _routes(spec: Spec, at: Locator) -> Iterator[Problem]:
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
        yield _body_too_large(at((*path, "max_body")), f"routes[{path[1]}].max_body")
    if route.websocket and route.streaming:
        yield Problem(
            "spec.websocket-streaming",
            f"routes[{path[1]}] has both websocket and streaming, expected one",
            at((*path, "streaming")),
            "A WebSocket is passed on at once anyway.",
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
            yield _never((*path, "timeouts", field), limit, at)


def _policy(spec: Spec, at: Locator) -> Iterator[Problem]:
    if spec.max_body > ROUTER_MAX_BODY:
        yield _body_too_large(at(("max_body",)), "max_body")
    yield from _levels(spec.waf.paranoia_level, spec.waf.detection_paranoia_level, ("waf",), at)
    for index, route in enumerate(spec.routes):
        if route.waf.model_fields_set & {"paranoia_level", "detection_paranoia_level"}:
            level = route.waf.paranoia_level or spec.waf.paranoia_level
            detection = route.waf.detection_paranoia_level
            yield from _levels(level, detection, ("routes", index, "waf"), at)


def _levels(level: int, detection: int | None, path: Path, at: Locator) -> Iterator[Problem]:
    if detection is not None and detection < level:
        yield Problem(
            "spec.detection-level",
            f"{dotted(path)}.detection_paranoia_level is {detection}, below paranoia_level {level}",
            at((*path, "detection_paranoia_level")),
            "Rules that block are detected first: expected the same level or a higher one.",
        )


def _body_too_large(place: Place, name: str) -> Problem:
    return Problem(
        "spec.max-body-router",
        f"{name} is over 75m, and the platform's router refuses larger requests with 413",
        place,
        "Let clients upload larger files to an object storage directly.",
    )


def _client_ip(spec: Spec, at: Locator) -> Iterator[Problem]:
    for index, cidr in enumerate(spec.client_ip.trusted):
        network = ipaddress.ip_network(cidr)
        if network.version == PRIVATE_NETWORK.version and network.overlaps(PRIVATE_NETWORK):
            yield Problem(
                "spec.trusts-private-network",
                f"client_ip.trusted holds {cidr}, which overlaps the private network",
                at(("client_ip", "trusted", index)),
                "Every app in the network could then forge a client's address.",
                Severity.WARNING,
            )


def _backend_of(route: Route, spec: Spec) -> str:
    return route.backend or next(iter(spec.all_backends()), SOLE_BACKEND)
