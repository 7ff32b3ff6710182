"""Rules that are switched off when the configuration is loaded."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.crs.compile.facts import facts_of
from waf_builder.crs.compile.model import Removed, RuleSet


def switched_off(rules: RuleSet) -> Iterator[Removed]:
    """Remove rules that `SecRuleRemoveById` names in a file that holds for every request.

    Reason: the engine loads such a rule, and looks its number up in a list for each request.
    Proof: libmodsecurity 3 passes a rule of that list by, whatever it is, wherever the directive
    stands; a `skip` counts it all the same, so rules that one may count stay.
    https://github.com/owasp-modsecurity/ModSecurity/blob/v3.0.13/src/rules_set.cc#L146
    """
    facts = facts_of(rules)
    removals = [each for each in facts.exclusions.all if each.by == "id" and not each.running]
    removals = [each for each in removals if not each.target and each.entry.always]
    for at, entry in rules.rules:
        if not entry.ours or facts.jumps.is_pinned(at):
            continue
        by = next((each for each in removals if each.meets(entry)), None)
        if by is not None:
            yield Removed(entry, f"{by.entry.place.file} switches it off")
