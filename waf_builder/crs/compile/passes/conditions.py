"""Rules whose condition no request can meet."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.crs.compile.facts import Facts, facts_of
from waf_builder.crs.compile.model import SILENT, Entry, Removed, RuleSet

_WHEN_ALL_MATCH = SILENT | {"chain", "deny", "block", "status", "log", "auditlog", "logdata"}
"""Actions of a rule that have no effect until every rule of its chain has matched."""


def never_true(rules: RuleSet) -> Iterator[Removed]:
    """Remove rules that compare a TX variable with what it never holds.

    Reason: the rule set asks for each default (`&TX:early_blocking "@eq 0"`) and for each level
    (`TX:BLOCKING_PARANOIA_LEVEL "@ge 3"`) in every request, and the policy answers all of them.
    Proof: the variable holds none but known values (`Facts.values`) and the operator says no to
    each, so the rule never matches; a rule that does not match does nothing. In a chain, the
    rules before the one that never matches must do nothing either.
    """
    facts = facts_of(rules)
    for at, entry in rules.rules:
        if not entry.ours or facts.jumps.is_pinned(at):
            continue
        index = _false_part(facts, entry)
        if index is not None:
            rule = entry.rules[index]
            looked_at = "|".join(str(variable) for variable in rule.variables)
            yield Removed(entry, f'{looked_at} "{rule.operator}" is never true')


def _false_part(facts: Facts, entry: Entry) -> int | None:
    """Return which rule of the chain never matches, where those before it leave no trace."""
    for index, rule in enumerate(entry.rules):
        if facts.truth(entry, index) is False:
            return index
        if not all(action.key in _WHEN_ALL_MATCH for action in rule.actions):
            return None
    return None
