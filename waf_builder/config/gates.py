"""Gates: what a request to a route has to pass before the rules look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from waf_builder.config.access import AddressLists
from waf_builder.config.model import Gate, Location
from waf_builder.spec.model import Route, Spec


def with_gates(
    located: Sequence[tuple[Route, Location]], spec: Spec, lists: AddressLists
) -> list[tuple[Route, Location]]:
    """Return each route and its location, behind a gate where anything is to be asked."""
    gated = []
    for number, (route, location) in enumerate(located, 1):
        gate = Gate(addresses=lists.of(route, spec))
        if gate != Gate():
            location = replace(location, gate=gate, behind_gate=f"@behind_gate_{number}")  # noqa: PLW2901
        gated.append((route, location))
    return gated


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
