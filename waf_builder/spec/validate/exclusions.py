"""Exclusions: what can be said of them without the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from waf_builder.problem import Problem, Severity
from waf_builder.seclang.vital import is_vital
from waf_builder.spec.model import Exclusion, Route, Spec
from waf_builder.spec.validate.platform import Locator
from waf_builder.spec.yaml import Path, dotted


def exclusions(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield what is wrong with the exclusions of the spec and of its routes."""
    common = spec.waf.exclusions
    for path, exclusion in _placed(common, ("waf",)):
        yield from _one(exclusion, path, at)
    yield from _twice(common, ("waf",), (), at)
    for index, route in enumerate(spec.routes):
        own: Path = ("routes", index, "waf")
        for path, exclusion in _placed(route.waf.exclusions, own):
            yield from _one(exclusion, path, at)
            yield from _outside(exclusion, route, path, at)
        yield from _twice(route.waf.exclusions, own, common, at)


def covers_path(wide: str | None, narrow: str | None) -> bool:
    """Return whether what is at or below one path holds all that is at or below another."""
    if wide is None:
        return True
    if narrow is None:
        return False
    return narrow == wide or narrow.startswith(wide if wide.endswith("/") else f"{wide}/")


def _placed(found: Sequence[Exclusion], at: Path) -> Iterator[tuple[Path, Exclusion]]:
    for number, exclusion in enumerate(found):
        yield (*at, "exclusions", number), exclusion


def _one(exclusion: Exclusion, path: Path, at: Locator) -> Iterator[Problem]:
    name = dotted(path)
    named = _named(exclusion)
    if len(named) != 1:
        has = f"has {' and '.join(named)}" if named else "names no rule"
        yield Problem(
            "spec.exclusion-rule",
            f"{name} {has}, expected exactly one of rule, rules and tag",
            at((*path, named[1]) if named else path),
            "`waf-builder rules` lists the rules and their tags."
            if not named
            else "Make one entry for each.",
        )
    yield from _vital(exclusion, name, path, at)
    target = exclusion.target
    if target and exclusion.scoped and not target.works_in_a_scope:
        what = "a regular expression" if target.regex else f"the key {target.key!r}"
        yield Problem(
            "spec.exclusion-scope",
            f"{name}.target: libmodsecurity leaves out {what} for all requests or for none",
            at((*path, "target")),
            "Put it into `waf.exclusions` of a route with that path, and leave the scope out.",
        )


def _named(exclusion: Exclusion) -> list[str]:
    return [kind for kind in ("rule", "rules", "tag") if getattr(exclusion, kind)]


def _vital(exclusion: Exclusion, name: str, path: Path, at: Locator) -> Iterator[Problem]:
    for index, number in enumerate(exclusion.numbers):
        if is_vital(range(number, number + 1)):
            where = ("rule",) if exclusion.rule is not None else ("rules", index)
            yield Problem(
                "spec.exclusion-vital",
                f"{name} would switch the WAF off: nothing works without rule {number}",
                at((*path, *where)),
                "Exclude the rule that matched, raise inbound_anomaly_threshold, or set mode.",
            )


def _outside(exclusion: Exclusion, route: Route, path: Path, at: Locator) -> Iterator[Problem]:
    """Yield a problem for a scope in which the route never is."""
    name = dotted(path)
    if exclusion.path and not _meets(route, exclusion.path):
        within = f"{route.path} alone" if route.exact else f"what begins with {route.path}"
        yield Problem(
            "spec.exclusion-outside",
            f"{name}.path {exclusion.path!r} is not a path of this route, which has {within}",
            at((*path, "path")),
            "Leave it out for the whole route, or move the exclusion to `waf.exclusions`.",
        )
    if route.hosts and exclusion.hosts and not _share(route.hosts, exclusion.hosts):
        yield Problem(
            "spec.exclusion-outside",
            f"{name}.hosts names no host of this route",
            at((*path, "hosts")),
            f"It has {', '.join(route.hosts)}.",
        )
    if route.methods and exclusion.methods and not set(route.methods) & set(exclusion.methods):
        yield Problem(
            "spec.exclusion-outside",
            f"{name}.methods names no method of this route",
            at((*path, "methods")),
            f"It has {', '.join(route.methods)}.",
        )


def _meets(route: Route, path: str) -> bool:
    return path == route.path if route.exact else path.startswith(route.path)


def _share(hosts: Sequence[str], others: Sequence[str]) -> bool:
    return any(_covers_host(a, b) or _covers_host(b, a) for a in hosts for b in others)


def _covers_host(wide: str, narrow: str) -> bool:
    return wide == narrow or (wide.startswith("*.") and narrow.endswith(wide[1:]))


def _twice(
    own: Sequence[Exclusion], path: Path, common: Sequence[Exclusion], at: Locator
) -> Iterator[Problem]:
    """Yield a warning for each exclusion that another one holds already."""
    for index, exclusion in enumerate(own):
        others = [*_placed(common, ("waf",)), *_placed(own[:index], path)]
        others += list(_placed(own, path))[index + 1 :]
        for other_path, other in others:
            same = _covers(exclusion, other)
            later = len(other_path) == len(path) + 2 and int(other_path[-1]) > index
            if _covers(other, exclusion) and not (same and later):
                yield Problem(
                    "spec.exclusion-twice",
                    f"{dotted((*path, 'exclusions', index))} does nothing that"
                    f" {dotted(other_path)} does not do",
                    at((*path, "exclusions", index)),
                    "Remove one of them.",
                    Severity.WARNING,
                )
                break


def _covers(wide: Exclusion, narrow: Exclusion) -> bool:
    if len(_named(wide)) != 1 or len(_named(narrow)) != 1:
        return False
    if wide.tag != narrow.tag or not set(narrow.numbers) <= set(wide.numbers):
        return False
    return (
        (wide.target is None or wide.target == narrow.target)
        and covers_path(wide.path, narrow.path)
        and (not wide.hosts or (bool(narrow.hosts) and set(narrow.hosts) <= set(wide.hosts)))
        and (
            not wide.methods or (bool(narrow.methods) and set(narrow.methods) <= set(wide.methods))
        )
    )
