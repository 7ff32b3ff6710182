"""Two specs compared: what holds on each route, and what holds everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from waf_builder.config.inforce import verdict
from waf_builder.config.policies import route_waf
from waf_builder.crs.rules import RuleIndex
from waf_builder.diff.change import Change, list_change
from waf_builder.diff.settings import Settings, changes, flat, settings
from waf_builder.spec.model import Exclusion, Route, Spec
from waf_builder.spec.model.base import effective
from waf_builder.version import Version

_ONCE = ("crs", "plugins", "compile")
"""Keys of `waf` that hold for all routes."""
_NAMES = ("path", "exact", "hosts", "preset")
_BY_ROUTE = ("access", "basic_auth", "rate_limit", "max_connections")
_ELSEWHERE = frozenset({"backend", "backends", "routes", "waf", "max_body", *_BY_ROUTE})


@dataclass(frozen=True)
class Rules:
    """The rules that a spec loads, and the version of its Core Rule Set."""

    index: RuleIndex
    version: Version


@dataclass(frozen=True)
class RouteDiff:
    """What is otherwise on some routes; begin, end: rules that refuse there now, and no longer."""

    routes: tuple[str, ...]
    changes: tuple[Change, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]


@dataclass(frozen=True)
class PolicyDiff:
    """What differs between two specs; everywhere: whatever the route. all_routes: in both."""

    everywhere: tuple[Change, ...]
    routes: tuple[RouteDiff, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    all_routes: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return bool(self.everywhere or self.routes or self.new or self.gone)


def compare_specs(old: Spec, new: Spec, rules: tuple[Rules, Rules] | None) -> PolicyDiff:
    """Return what differs; rules: those of the two, None where they are not known."""
    before = {_label(route): route for route in old.all_routes()}
    after = {_label(route): route for route in new.all_routes()}
    both = tuple(label for label in after if label in before)
    alike: dict[tuple[tuple[Change, ...], tuple[int, ...], tuple[int, ...]], list[str]] = {}
    for label in both:
        changed = tuple(_on_route((before[label], old), (after[label], new)))
        begin, end = _refusing((before[label], old), (after[label], new), rules)
        if changed or begin or end:
            alike.setdefault((changed, begin, end), []).append(label)
    return PolicyDiff(
        tuple(_everywhere(old, new)),
        tuple(RouteDiff(tuple(labels), *what) for what, labels in alike.items()),
        tuple(label for label in after if label not in before),
        tuple(label for label in before if label not in after),
        both,
    )


def _label(route: Route) -> str:
    return f"{'= ' if route.exact else ''}{','.join(route.hosts)}{route.path}"


def _on_route(old: tuple[Route, Spec], new: tuple[Route, Spec]) -> Iterator[Change]:
    yield from changes(_on(*old), _on(*new))
    excluded = ([_in_words(one) for one in route_waf(*side).exclusions] for side in (old, new))
    yield from list_change("exclusions", *excluded)


def _on(route: Route, spec: Spec) -> Settings:
    """Return what holds on a route, whichever part of the spec says so."""
    found = {
        **settings(route_waf(route, spec), {*_ONCE, "exclusions"}),
        **settings(route, {*_NAMES, *_BY_ROUTE, "waf", "max_body"}),
        **dict(flat("max_body", route.max_body or spec.max_body)),
    }
    for name in _BY_ROUTE:
        found |= dict(flat(name, effective(getattr(route, name), getattr(spec, name))))
    return found


def _everywhere(old: Spec, new: Spec) -> Iterator[Change]:
    before, after = old.all_backends(), new.all_backends()
    yield from list_change("backends", before, after)
    for name in before:
        if name in after:
            yield from changes(*(dict(flat(name, side[name])) for side in (before, after)))
    sides = (settings(spec, _ELSEWHERE) for spec in (old, new))
    yield from changes(*sides)
    for name in _ONCE:
        sides = (dict(flat(f"waf.{name}", getattr(spec.waf, name))) for spec in (old, new))
        yield from changes(*sides)


def _in_words(exclusion: Exclusion) -> str:
    what = exclusion.tag or ", ".join(map(str, exclusion.numbers))
    parts = [what]
    parts += [f"in {exclusion.target}"] if exclusion.target else []
    parts += [f"at {exclusion.path}"] if exclusion.path else []
    parts += [f"for {', '.join(exclusion.hosts)}"] if exclusion.hosts else []
    parts += [f"with {', '.join(exclusion.methods)}"] if exclusion.methods else []
    return " ".join(parts)


def _refusing(
    old: tuple[Route, Spec], new: tuple[Route, Spec], rules: tuple[Rules, Rules] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the rules that begin to refuse on a route, and those that no longer do."""
    if rules is None:
        return (), ()
    before, after = _in_force(*old, rules[0]), _in_force(*new, rules[1])
    both = {rule.id for rule in rules[0].index} & {rule.id for rule in rules[1].index}
    return tuple(sorted((after - before) & both)), tuple(sorted((before - after) & both))


def _in_force(route: Route, spec: Spec, rules: Rules) -> set[int]:
    waf = route_waf(route, spec)
    return {
        rule.id for rule in rules.index if rule.detects and verdict(rule, waf, rules.version).blocks
    }
