"""Rules whose condition no request can meet."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from waf_builder.crs.compile.facts import Facts, facts_of
from waf_builder.crs.compile.model import SILENT, Changed, Entry, Removed, RuleSet, tx_name
from waf_builder.seclang import Action

_MACRO = re.compile(r"%\{(\w+)")

_WHEN_ALL_MATCH = SILENT | {"chain", "deny", "block", "status", "log", "auditlog", "logdata"}
"""Actions of a rule that have no effect until every rule of its chain has matched."""


def never_true(rules: RuleSet) -> Iterator[Removed]:
    """Remove rules that compare a TX variable with what it never holds.

    Reason: the rule set asks for each default (`&TX:early_blocking "@eq 0"`) and for each level
    (`TX:BLOCKING_PARANOIA_LEVEL "@ge 3"`) in every request, and the policy answers all of them.
    Proof: the variable holds none but known values (`Facts.values`) and the operator says no to
    each, so the rule never matches; a rule that does not match does nothing but end what
    MATCHED_VARS holds, so it stays where the next rule could see that. In a chain, the rules
    before the one that never matches must do nothing either.
    """
    facts = facts_of(rules)
    for at, entry in rules.rules:
        if not entry.ours or facts.jumps.is_pinned(at):
            continue
        following = rules.next_in_phase.get(at)
        if following and following.sees_earlier_matches:
            continue
        index = _false_part(facts, entry)
        if index is not None:
            rule = entry.rules[index]
            looked_at = "|".join(str(variable) for variable in rule.variables)
            yield Removed(entry, f'{looked_at} "{rule.operator}" is never true')


def always_true(rules: RuleSet) -> Iterator[Changed]:
    """Write rules whose condition every request meets as actions without a condition.

    Reason: the rule set gives each of its variables a default where nothing else has, and asks
    whether the paranoia level is at least 1; to look and to describe the match costs the engine
    more than to set the variable.
    Proof: nothing but the rule itself can have set the variable (`Facts.alone_sets`), or it holds
    none but known values and the operator says yes to each (`Facts.truth`). The rule is alone, its
    match is in no record, and its actions do not name what matched. Nothing takes its variable away
    or, while running, its number: the engine looks for neither where there is no condition.
    """
    facts = facts_of(rules)
    for _, entry in rules.rules:
        if not entry.ours or entry.unconditional or len(entry.directives) != 1:
            continue
        if entry.head.key != "secrule" or not entry.silent("setvar") or not entry.logs_nothing():
            continue
        if any(name != "tx" for action in entry.rules[0].actions for name in _named(action)):
            continue
        if not (_asks_for_default(facts, entry) or facts.truth(entry) is True):
            continue
        if facts.exclusions.may_blind(entry):
            continue
        yield Changed(entry, replace(entry, unconditional=True), "its condition is always true")


def _asks_for_default(facts: Facts, entry: Entry) -> bool:
    """Return whether the rule asks for a variable that nothing but itself can have set."""
    rule = entry.rules[0]
    name = tx_name(rule.variables[0]) if len(rule.variables) == 1 else None
    return (
        name is not None
        and rule.variables[0].counted
        and str(rule.operator) == "@eq 0"
        and facts.alone_sets(entry, name)
    )


def _named(action: Action) -> list[str]:
    """Return the collections that an action's value names, in small letters."""
    return [name.lower() for name in _MACRO.findall(action.value or "")]


def _false_part(facts: Facts, entry: Entry) -> int | None:
    """Return which rule of the chain never matches, where those before it leave no trace."""
    for index, rule in enumerate(entry.rules):
        if facts.truth(entry, index) is False:
            return index
        if not rule.by_name.keys() <= _WHEN_ALL_MATCH:
            return None
    return None
