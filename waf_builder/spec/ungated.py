"""Specs without what asks who comes and how: for requests that come from this machine."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from waf_builder.spec.model import ClientIp, Route, Spec, SpecModel

_BY_ROUTER = frozenset({"https_only", "canonical_host"})
_GATES = _BY_ROUTER | {"access", "basic_auth", "rate_limit", "max_connections"}


def without_router(spec: Spec) -> Spec:
    """Return the spec without what only the platform's router can say."""
    return _without(spec, _BY_ROUTER)


def without_gates(spec: Spec) -> Spec:
    """Return the spec with every gate open, so that each request meets the rules."""
    return _without(spec, _GATES)


def _without(spec: Spec, keys: AbstractSet[str]) -> Spec:
    routes = tuple(
        route.model_copy(update=_defaults(Route, keys & Route.model_fields.keys()))
        for route in spec.routes
    )
    update = {**_defaults(Spec, keys), "routes": routes}
    if spec.client_ip.proxies:  # whose word comes through the router
        update["client_ip"] = ClientIp(trusted=spec.client_ip.trusted)
    return spec.model_copy(update=update)


def _defaults(model: type[SpecModel], keys: Iterable[str]) -> dict[str, Any]:
    return {key: model.model_fields[key].default for key in keys}
