"""Limits: which requests are counted together, and where."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.config.model import ClientKey, ConnectionLimit, RateLimit
from waf_builder.spec import model as spec
from waf_builder.spec.model import OFF, Route, Spec

_MINUTE = 60
_LEAST_BURST = 5
_BURST_SECONDS = 2


@dataclass(frozen=True)
class Limits:
    """Every limit of a configuration.

    The spec's own stands under None and counts over all routes without one of their own; that of a
    route stands under its index and counts by itself.
    """

    rates: dict[int | None, RateLimit]
    connections: dict[int | None, ConnectionLimit]

    def rate_of(self, index: int, route: Route) -> RateLimit | None:
        """Return how often clients may come to a route."""
        if route.rate_limit == OFF:
            return None
        return self.rates.get(index if route.rate_limit else None)

    def connections_of(self, index: int, route: Route) -> ConnectionLimit | None:
        """Return how many requests of one client may be under way on a route."""
        if route.max_connections == OFF:
            return None
        return self.connections.get(index if route.max_connections else None)


def build_limits(source: Spec) -> Limits:
    """Return the limits of the spec and of its routes."""
    keys: dict[str, ClientKey] = {}
    wanted: dict[int | None, spec.RateLimit] = {}
    counted: dict[int | None, int] = {}
    owners: list[tuple[int | None, Spec | Route]] = [(None, source), *enumerate(source.routes)]
    for index, owner in owners:
        if isinstance(owner.rate_limit, spec.RateLimit):
            wanted[index] = owner.rate_limit
        if isinstance(owner.max_connections, int):
            counted[index] = owner.max_connections
    rates = {index: _rate(limit, _zone("rate", index), keys) for index, limit in wanted.items()}
    connections = {
        index: ConnectionLimit(_zone("connections", index), number)
        for index, number in counted.items()
    }
    return Limits(rates, connections)


def _zone(kind: str, index: int | None) -> str:
    return kind if index is None else f"{kind}_{index + 1}"


def _rate(limit: spec.RateLimit, zone: str, keys: dict[str, ClientKey]) -> RateLimit:
    number, _, unit = limit.rate.partition("r/")
    a_second = int(number) / (_MINUTE if unit == "m" else 1)
    burst = limit.burst
    if burst is None:
        burst = max(_LEAST_BURST, int(a_second * _BURST_SECONDS))
    return RateLimit(
        zone=zone,
        client=_client(limit.by, keys),
        rate=limit.rate,
        burst=burst,
        status=limit.status,
        dry_run=limit.dry_run,
        retry_after=max(1, -(-_MINUTE // int(number))) if unit == "m" else 1,
    )


def _client(by: str, keys: dict[str, ClientKey]) -> ClientKey | None:
    if by == "client_ip":
        return None
    kind, _, name = by.partition(":")
    source = f"$http_{name.lower().replace('-', '_')}" if kind == "header" else f"$cookie_{name}"
    number = len(keys) + 1
    return keys.setdefault(by, ClientKey(f"waf_client_by_{number}", source, number))
