"""What it costs that routes do things differently, from measurements that RATIONALE.md has."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.config.model import Config, Exclusion, RoutePolicy

LOOKUP = 1.0
"""Microseconds for an exclusion that a request brings along, such as one for a path."""

LEVEL_MEGABYTES = {2: 5, 3: 6, 4: 6}
"""In each worker, for the rules up to a paranoia level beside those of the first."""

RESPONSE_MEGABYTES = 16
"""In each worker, for the rules about responses."""

_LEVELS = ("detection_paranoia_level", "executing_paranoia_level")


def deviations(config: Config) -> Iterator[str]:
    """Yield a line for whatever costs something, in the order of the routes.

    Exclusions for all of a route, or for every request, are lists of the engine's own and cost
    nothing measurable.
    """
    yield from _lookups(config.scoped_exclusions, "a request")
    usual = _level(config.policy.variables)
    for policy in config.route_policies:
        yield from _of_route(policy, usual, reads=config.policy.response_access == "On")


def _of_route(policy: RoutePolicy, usual: int, *, reads: bool) -> Iterator[str]:
    level = _level(policy.variables or ())
    if level > usual:
        yield (
            f"route {policy.route} alone needs the rules of paranoia level {level}, about"
            f" {LEVEL_MEGABYTES[level]} MB in each worker: a WAF of its own would spare the"
            " others that"
        )
    if policy.response_access == "On" and not reads:
        yield (
            f"route {policy.route} alone has its responses read, about {RESPONSE_MEGABYTES} MB in"
            " each worker: a WAF of its own would spare the others that"
        )
    scoped = tuple(each for each in policy.exclusions if each.conditions)
    yield from _lookups(scoped, f"a request for route {policy.route}")


def _lookups(exclusions: tuple[Exclusion, ...], who: str) -> Iterator[str]:
    number = sum(len(each.removed) + len(each.targets) for each in exclusions)
    if number:
        made = "exclusion" if number == 1 else "exclusions"
        yield (
            f"{number} {made} with a condition: about {number * LOOKUP:.0f} us in {who} that has"
            " it; without one, for the whole of a route, nothing"
        )


def _level(variables: tuple[tuple[str, str], ...]) -> int:
    return max((int(value) for name, value in variables if name in _LEVELS), default=0)
