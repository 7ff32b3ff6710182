"""Rules that are asked at their place, since a screen of their own would only be a copy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from waf_builder.crs.compile.model import Changed, Entry, RuleSet
from waf_builder.crs.compile.room import has_room, lines_before
from waf_builder.crs.compile.screenfile import corrections_idle, left_out_first, stretches
from waf_builder.crs.compile.screens import screens

_LARGE = 3000
"""Characters of an expression, which with its code takes 50 to 80 KB in each worker."""


def asked_alone(rules: RuleSet, lists: Mapping[str, str]) -> Iterator[Changed]:
    """Take rules out of the screens that each have one for themselves, and a large one.

    Reason: such a screen costs each request what the rule itself would, and memory besides. A list
    of words costs less in its rule: the engine goes through its tree faster than through an
    expression. What leads over the screened rules behind it costs a hundredth of that.
    Proof: a rule that is not screened is asked at its place, as it was before. It stays screened
    where corrections that may leave it out would have to be asked in each request, then, and are
    not in any case; and where it, or the next one, would see what matched in what leads over.
    """
    alone = _alone(rules, lists)
    idle = corrections_idle(rules)
    for stretch in stretches(rules):
        best = lines_before(stretch.rules)
        traceless = all(has_room(each, before=True, lines=best) for each in stretch.rules)
        for before, entry, after in _with_neighbours(stretch.rules):
            if id(entry.rules[0]) not in alone:
                continue
            if before and not has_room(before, before=False):
                continue
            if after and not has_room(after, before=True):
                continue
            if after and after.sees_earlier_matches:
                continue
            if entry.sees_earlier_matches and not traceless:
                continue
            change = Changed(entry, replace(entry, screened=False), "asked in every request")
            if corrections_idle(rules.after([change])) is idle:
                yield change


def _alone(rules: RuleSet, lists: Mapping[str, str]) -> set[int]:
    """Return the rules that one screen stands for, which is large and asked in each request.

    Also where it is only asked of texts that are not plain, if a correction leaves the rule out.
    """
    made = screens(rules, lists)
    if made is None:
        return set()
    times = Counter(
        number for screen in (*made.always, *made.plain, *made.signs) for number in screen.rules
    )
    first = left_out_first(rules)
    left_out = {id(entry.rules[0]) for _, entry in rules.rules if entry.id in first}
    asked = (*made.always, *(each for each in made.signs if each.rules <= left_out))
    large = (each for each in asked if len(each.operator) > _LARGE and len(each.rules) == 1)
    return {number for screen in large for number in screen.rules if times[number] == 1}


def _with_neighbours(
    entries: Iterable[Entry],
) -> Iterator[tuple[Entry | None, Entry, Entry | None]]:
    listed = [None, *entries, None]
    for before, entry, after in zip(listed, listed[1:], listed[2:], strict=False):
        if entry:
            yield before, entry, after
