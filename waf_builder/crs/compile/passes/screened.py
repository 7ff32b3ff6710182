"""Rules that a screen stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby

from waf_builder.crs.compile.facts import Facts, facts_of
from waf_builder.crs.compile.model import Changed, Entry, RuleSet
from waf_builder.crs.compile.room import has_room, lines_before
from waf_builder.crs.compile.screenfile import CLEAN, IDS, NO_CORRECTIONS, TAG
from waf_builder.crs.compile.screens import MADE
from waf_builder.seclang import Variable

_SAME_ALL_ALONG = frozenset({
    "ARGS", "ARGS_GET", "ARGS_GET_NAMES", "ARGS_NAMES", "ARGS_POST", "ARGS_POST_NAMES",
    "FILES", "FILES_NAMES", "QUERY_STRING", "REQUEST_BASENAME", "REQUEST_BODY", "REQUEST_COOKIES",
    "REQUEST_COOKIES_NAMES", "REQUEST_FILENAME", "REQUEST_HEADERS", "REQUEST_HEADERS_NAMES",
    "REQUEST_LINE", "REQUEST_METHOD", "REQUEST_PROTOCOL", "REQUEST_URI", "REQUEST_URI_RAW", "XML",
})  # fmt: skip
"""Variables that no rule of phase 2 changes."""

_OPERATORS = frozenset({"rx", "pm", "pmfromfile", "pmf", "detectsqli", "detectxss"})
_ANY_TEXT = frozenset({"", ".", ".*", ".+", "^.*$", "^.+$"})
"""Expressions of which a screen would stop every request, such as the first of some chains."""

_PHASE = 2
_FEWEST = 1
"""Rules that are passed over at once; for one, the rule that leads over it costs as much."""


def screened(rules: RuleSet) -> Iterator[Changed]:
    """Ask rules of phase 2 only for requests in which a screen has found something.

    Reason: a rule costs 5 to 20 microseconds in a request in which it finds nothing, nearly all of
    it for collecting and decoding what it looks at. A hundred of them look at the same in some
    thirty ways, and one expression that joins theirs finds whether any of them could match.
    Proof: a screen looks at everything that one of its rules looks at, decodes it in the same
    way, and its expression is an alternative of theirs, its list all their words; so where no
    screen matches, none of the rules would, and a rule that does not match does nothing. An
    expression that reached SecPcreMatchLimit has found nothing, so everything runs then, as it
    does where one had reached it before. What they look at is the same throughout the phase.
    Nothing takes a screen away that leaves a rule of it in force (`_undisturbed`). Rules that a
    jump may skip stay unscreened: a route without them would pay for what only they look for.
    """
    facts = facts_of(rules)
    if any(entry.screened for entry in rules.entries) or not _undisturbed(rules, facts):
        return
    of_phase = [(at, entry) for at, entry in rules.rules if entry.phase == _PHASE]
    fit = {id(entry) for at, entry in of_phase if _fit(facts, at, entry)}
    following = {id(entry): rules.next_in_phase.get(at) for at, entry in of_phase}
    entries = (entry for _, entry in of_phase)
    for (yes, _), group in groupby(entries, lambda each: (id(each) in fit, each.place.file)):
        stretch = _with_room(list(group), following) if yes else []
        if len(stretch) >= _FEWEST:
            for entry in stretch:
                why = "asked only where a screen has found something"
                yield Changed(entry, replace(entry, screened=True), why)


def _undisturbed(rules: RuleSet, facts: Facts) -> bool:
    """Return whether the screens see all that the rules do, and the rules nothing of them."""
    for each in facts.exclusions.all:
        if each.by == "id" and any(number in ids for ids in each.ids for number in IDS):
            return False
    for entry in rules.entries:
        for rule in entry.rules:
            if any(map(_sees_screens, rule.variables)):
                return False
            if "update" in entry.head.key and not all(each.negated for each in rule.variables):
                return False
    return True


def _sees_screens(variable: Variable) -> bool:
    """Return whether a variable may show what the screens leave behind for others."""
    if variable.collection != "TX":
        return variable.collection.startswith("MSC_PCRE")
    if variable.pattern is None:
        return variable.selector is None
    try:
        pattern = re.compile(variable.pattern, re.IGNORECASE)
    except re.error:
        return True
    return any(map(pattern.search, (CLEAN, NO_CORRECTIONS)))


def _fit(facts: Facts, at: int, entry: Entry) -> bool:
    rule = entry.rules[0]
    operator = rule.operator
    if not entry.ours or TAG not in entry.tags or operator is None:
        return False
    if operator.name.lower() not in _OPERATORS or "%{" in operator.argument:
        return False
    if facts.jumps.is_pinned(at):
        return False
    if any(facts.truth(each.entry) is not False for each in facts.jumps.over(at)):
        return False
    if rule.has("multimatch"):  # a screen that has it logs what it finds, nolog or not
        return False
    if operator.name.lower() == "rx" and operator.argument in _ANY_TEXT:
        return False
    if not any(each.collection in MADE for each in rule.variables):
        return False  # such as the first rule of a chain about GET, which is met all the time
    return all(
        each.collection in _SAME_ALL_ALONG and not each.counted and each.pattern is None
        for each in rule.variables
        if not each.negated
    )


def _with_room(stretch: list[Entry], following: Mapping[int, Entry | None]) -> list[Entry]:
    """Return the rules without those at either end that what leads over them has no place at.

    It needs a line of its own, and no rule behind it that sees what has matched in it.
    """
    while stretch and (stretch[0].sees_earlier_matches or not has_room(stretch[0], before=True)):
        del stretch[0]
    while stretch:
        after = following[id(stretch[-1])]
        best = lines_before(stretch)
        traceless = has_room(stretch[0], before=True, lines=best)
        seen = after is not None and after.sees_earlier_matches and not traceless
        if has_room(stretch[-1], before=False) and not seen:
            break
        del stretch[-1]
    return stretch
