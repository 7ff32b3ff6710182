"""Promises with a date: what a spec says should have changed by now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.spec.model import Spec, WafOverride, WafPolicy
from waf_builder.spec.validate.platform import Locator
from waf_builder.spec.yaml import Path, dotted


def deadlines(spec: Spec, at: Locator, today: dt.date) -> Iterator[Problem]:
    """Yield what is overdue, and dates that mean nothing where they stand."""
    yield from _enforcement(spec.waf, spec.waf.mode, ("waf",), at, today)
    yield from _expired(spec.waf, ("waf",), at, today)
    for index, route in enumerate(spec.routes):
        mode = route.waf.mode or spec.waf.mode
        yield from _enforcement(route.waf, mode, ("routes", index, "waf"), at, today)
        yield from _expired(route.waf, ("routes", index, "waf"), at, today)


def _enforcement(
    waf: WafPolicy | WafOverride, mode: str, path: Path, at: Locator, today: dt.date
) -> Iterator[Problem]:
    day = waf.enforce_after
    if day is None:
        return
    name, place = dotted((*path, "enforce_after")), at((*path, "enforce_after"))
    if mode != "detect":
        yield Problem(
            "spec.enforce-after-mode",
            f"{name} needs `mode: detect`, and the mode is {mode}",
            place,
            "It says until when attacks are only logged. Remove it.",
        )
    elif today > day:
        yield Problem(
            "spec.enforce-after-past",
            f"{name} was {day}, and attacks are still only logged",
            place,
            "Write `mode: block` and remove the date, or choose a later one."
            " The WAF never begins to block by itself.",
            Severity.WARNING,
        )


def _expired(
    waf: WafPolicy | WafOverride, path: Path, at: Locator, today: dt.date
) -> Iterator[Problem]:
    for index, exclusion in enumerate(waf.exclusions):
        where: Path = (*path, "exclusions", index)
        if exclusion.expires and exclusion.expires < today:
            yield Problem(
                "spec.exclusion-expired",
                f"{dotted(where)} was meant until {exclusion.expires}",
                at((*where, "expires")),
                "Try without it; if it is still needed, give it another day.",
                Severity.WARNING,
            )
