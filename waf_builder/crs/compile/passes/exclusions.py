"""Exclusions that hold for every request, written into the rules themselves.

libmodsecurity 3 looks every exclusion up again for each rule and each variable of each request.
https://github.com/owasp-modsecurity/ModSecurity/blob/v3.0.13/src/rule_with_operator.cc#L164
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from waf_builder.crs.compile.facts import facts_of
from waf_builder.crs.compile.model import Change, Changed, Entry, Removed, RuleSet
from waf_builder.seclang import Variable, read

_KEYED = frozenset({
    "ARGS", "ARGS_GET", "ARGS_GET_NAMES", "ARGS_NAMES", "ARGS_POST", "ARGS_POST_NAMES",
    "REQUEST_COOKIES", "REQUEST_COOKIES_NAMES", "REQUEST_HEADERS", "REQUEST_HEADERS_NAMES",
})  # fmt: skip
"""Collections whose members a variable list can exclude by name."""

_SINGLE = frozenset({
    "QUERY_STRING", "REQUEST_BASENAME", "REQUEST_BODY", "REQUEST_FILENAME", "REQUEST_LINE",
    "REQUEST_METHOD", "REQUEST_PROTOCOL", "REQUEST_URI", "REQUEST_URI_RAW", "XML",
})  # fmt: skip
"""Variables whose only name is the one in the list."""

_SIMPLE_REGEX = re.compile(r"(?:[\w^$?:()+-]|\\w)+")
"""What means the same to Python and to PCRE."""

_CONSTANT = frozenset({"ctl"})


def constant_exclusions(rules: RuleSet) -> Iterator[Change]:
    """Drop a variable from every rule of a tag where a rule takes it away in each request.

    Reason: rule 901181 makes nine such exclusions in a request and each is looked up for each
    variable of each rule, by comparing tags.
    Proof: the exclusion's rule always matches and nothing skips it; what removes it, removes the
    rules that it is about (rule 905100 removes all of the rule set's); it does nothing
    else; the variable stands in the rules word for word, and only there has this name; rules that
    run before the exclusion are left alone, and rules of others are not concerned.
    """
    facts = facts_of(rules)
    for at, entry in rules.rules:
        if not entry.ours or len(entry.directives) != 1 or not entry.silent(*_CONSTANT):
            continue
        taken = _taken_by_tag(entry)
        if not taken or facts.truth(entry) is not True or facts.jumps.is_pinned(at):
            continue
        if facts.jumps.over(at) or not entry.logs_nothing():
            continue
        changes = _without(rules, at, entry, taken)
        if changes is None:
            continue
        if not any(facts.exclusions.may_spare(entry, change.subject) for change in changes):
            yield Removed(entry, "its exclusions stand in the rules themselves")
            yield from changes


def _taken_by_tag(entry: Entry) -> list[tuple[str, str]] | None:
    """Return tag and variable of each exclusion; None if the rule does anything else."""
    found = []
    for ctl in entry.rules[0].values("ctl"):
        name, _, rest = ctl.partition("=")
        tag, separator, variable = rest.partition(";")
        if name.lower() != "ruleremovetargetbytag" or not separator or "%" in rest:
            return None
        found.append((tag, variable))
    return found


def _without(
    rules: RuleSet, at: int, by: Entry, taken: list[tuple[str, str]]
) -> list[Change] | None:
    """Return the changes that take the variables away, or None where that is not the same."""
    found: list[Change] = []
    for position, entry in rules.rules:
        names = {variable for tag, variable in taken if tag in entry.tags}
        if not names or entry.phase < by.phase or (entry.phase == by.phase and position < at):
            continue
        if not all(name.startswith("XML:") for name in names):
            return None  # other collections hold members of that name
        kept = tuple(each for each in entry.variables if each not in names)
        if kept == entry.variables:
            continue
        if not entry.ours or any("!" in each and each[1:] in names for each in kept):
            return None
        why = f"without {', '.join(sorted(names))}, as rule {by.id} says in every request"
        left = any(not each.startswith("!") for each in kept)
        found.append(
            Changed(entry, replace(entry, targets=kept), why) if left else Removed(entry, why)
        )
    return found


def written_exclusions(rules: RuleSet) -> Iterator[Change]:
    """Write the exclusions of `SecRuleUpdateTargetById` into the lists of the rules.

    Reason: each is compared with each rule of each request.
    Proof: an exclusion `!COLLECTION:name` compares the name with regard to case, one in a list
    without, hence the regular expression; an exclusion `!COLLECTION:/regex/` takes members of
    that name from every collection of the rule, so it is written for each of them. Where a list
    cannot say that, the directive stays. Directives for rules that are not loaded do nothing.
    """
    by_id: dict[int, Entry] = {each.id: each for _, each in rules.rules if each.id is not None}
    changed: dict[int, Entry] = {}
    for entry in rules.entries:
        parsed = _update(entry) if entry.ours else None
        if parsed is None:
            continue
        number, variables = parsed
        rule = by_id.get(number)
        if rule is None:
            yield Removed(entry, f"rule {number} is not loaded")
            continue
        current = changed.get(number, rule)
        written = _written(current, variables)
        if written is not None and rule.ours:
            changed[number] = replace(current, targets=written)
            yield Removed(entry, f"it stands in rule {number} itself")
    for number, after in changed.items():
        if after.variables != by_id[number].variables:
            yield Changed(by_id[number], after, "with the exclusions made for it")


def _update(entry: Entry) -> tuple[int, tuple[Variable, ...]] | None:
    """Return the rule and the variables of an update that only takes variables away."""
    if entry.head.key != "secruleupdatetargetbyid" or entry.head.rule is None:
        return None
    number = entry.head.arguments[0].text
    variables = entry.head.rule.variables
    if not number.isdigit() or not all(each.negated for each in variables):
        return None
    return int(number), variables


def _written(entry: Entry, variables: tuple[Variable, ...]) -> tuple[str, ...] | None:
    """Return the rule's variable list with the exclusions in it, or None if it cannot say them."""
    here = _parsed(entry.variables)
    added: list[str] = []
    for variable in variables:
        for each in here:
            if each.negated or each.counted:
                continue
            exclusion = _excluding(variable, each)
            if exclusion is None:
                return None
            if exclusion and exclusion not in added and exclusion not in entry.variables:
                added.append(exclusion)
    return (*entry.variables, *added)


def _parsed(variables: tuple[str, ...]) -> tuple[Variable, ...]:
    document = read(f'SecRule {"|".join(variables)} "@eq 1" "id:1,phase:1"')
    rule = document.directives[0].rule
    return rule.variables if rule else ()


def _excluding(excluded: Variable, variable: Variable) -> str | None:
    """Return what takes `excluded` from a variable of a list: nothing, an item, or None."""
    if excluded.selector is None or variable.collection not in _KEYED | _SINGLE:
        return None
    pattern = excluded.pattern
    if pattern is not None:
        return _excluding_regex(pattern, variable)
    if excluded.collection != variable.collection:
        return ""
    if variable.collection not in _KEYED or not re.fullmatch(r"[\w.-]+", excluded.selector):
        return None
    if variable.selector is not None and variable.pattern is None:
        same = variable.selector.lower() == excluded.selector.lower()
        return None if same else ""
    name = re.escape(excluded.selector)
    return rf"!{variable.collection}:/\A(?-i:{name})\z/"


def _excluding_regex(pattern: str, variable: Variable) -> str | None:
    if not _SIMPLE_REGEX.fullmatch(pattern):
        return None
    member = variable.selector if variable.pattern is None else None
    if variable.collection in _KEYED and member is None:
        return f"!{variable.collection}:/{pattern}/"
    name = member if variable.collection in _KEYED else str(variable)
    met = re.search(pattern, name or "", re.IGNORECASE | re.MULTILINE)
    return None if met else ""
