"""How a backend's fields fit together."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.spec.address import DEFAULT_PROCESS
from waf_builder.spec.environment import Deferred
from waf_builder.spec.model import SOLE_BACKEND, Backend, Route, Spec
from waf_builder.spec.validate.platform import ROUTER_FIRST_BYTE_MS, Locator, never
from waf_builder.spec.yaml import Path

PUBLIC_PROCESSES = frozenset({DEFAULT_PROCESS, "tcp"})


def backends(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield what is wrong with the backends, one by one and together."""
    yield from _together(spec, at)
    for name, backend in spec.all_backends().items():
        path = ("backend",) if spec.backend else ("backends", name)
        yield from _backend(backend, path, at)


def _together(spec: Spec, at: Locator) -> Iterator[Problem]:
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
    process = backend.process or DEFAULT_PROCESS
    if isinstance(process, Deferred):
        process = process.prefix + process.default + process.suffix
    if process in PUBLIC_PROCESSES:
        stands = (
            f"is left out, which the platform reads as {DEFAULT_PROCESS!r}"
            if not backend.process
            else f"is '{process}'"
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
            yield never((*path, "timeouts", field), ROUTER_FIRST_BYTE_MS, at)


def _backend_of(route: Route, spec: Spec) -> str:
    return route.backend or next(iter(spec.all_backends()), SOLE_BACKEND)
