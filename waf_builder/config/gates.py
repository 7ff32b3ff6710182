"""Gates: what a request to a route has to pass before the rules look at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from waf_builder.config.access import AddressLists, build_address_lists
from waf_builder.config.auth import build_passwords, password_of
from waf_builder.config.limits import Limits, build_limits
from waf_builder.config.model import BasicAuth, Gate, Location
from waf_builder.spec import model as spec
from waf_builder.spec.model import Route, Spec

_NO_CREDENTIALS = (("Authorization", ""),)
"""The password is the WAF's, and no business of the backend."""


@dataclass(frozen=True)
class Guards:
    """What there is to ask, for the spec as a whole and for its routes."""

    lists: AddressLists
    limits: Limits
    passwords: Mapping[spec.BasicAuth, BasicAuth]


def build_guards(source: Spec) -> Guards:
    """Return what a spec asks for anywhere."""
    return Guards(build_address_lists(source), build_limits(source), build_passwords(source))


def with_gates(
    located: Sequence[tuple[Route, Location]], source: Spec, guards: Guards
) -> list[tuple[Route, Location]]:
    """Return each route and its location, behind a gate where anything is to be asked."""
    return [
        (route, _behind_gate(index, route, location, source, guards))
        for index, (route, location) in enumerate(located)
    ]


def _behind_gate(
    index: int, route: Route, location: Location, source: Spec, guards: Guards
) -> Location:
    gate = Gate(
        addresses=guards.lists.of(route, source),
        rate=guards.limits.rate_of(index, route),
        connections=guards.limits.connections_of(index, route),
        auth=password_of(route, source, guards.passwords),
    )
    if gate == Gate():
        return location
    location = replace(location, gate=gate, behind_gate=f"@behind_gate_{index + 1}")
    if gate.auth:
        named = {name.lower() for name, _ in location.request_headers}
        headers = location.request_headers
        headers += () if "authorization" in named else _NO_CREDENTIALS
        return replace(location, request_headers=headers, own_proxy_headers=True)
    return location


def slash_redirects(locations: Sequence[Location]) -> tuple[tuple[str, str], ...]:
    """Return each path that nginx would complete by a slash, were there no gates, and the whole.

    It does so for a location that passes requests on, and a gate passes none on by itself.
    """
    taken = {location.path for location in locations}
    return tuple(
        (location.path[:-1], quote(location.path, safe="/~!&()*,:=@+"))
        for location in locations
        if location.gate
        and not location.modifier
        and location.path.endswith("/")
        and location.path != "/"
        and location.path[:-1] not in taken
    )
