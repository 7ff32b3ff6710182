"""What is known about TX variables before any request: drawn from the text alone.

A value is known when every `setvar` that can set it, in every file that the engine loads, has a
constant. Nothing is taken from the spec: what a user's own rules or templates do is seen.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from itertools import product

from waf_builder.crs.compile.exclusions import Exclusions
from waf_builder.crs.compile.jumps import Jumps
from waf_builder.crs.compile.model import Entry, RuleSet, Setting, tx_name
from waf_builder.seclang import Operator, Rule, Variable

UNSET = None
Values = frozenset[str | None]
"""What a variable can hold, UNSET when it may not be there."""

_NUMBER = re.compile(r"-?[0-9]{1,9}")
_MACRO = re.compile(r"%\{([^}]*)\}")
_COMPARED = {
    "eq": lambda value, wanted: value == wanted,
    "ge": lambda value, wanted: value >= wanted,
    "gt": lambda value, wanted: value > wanted,
    "le": lambda value, wanted: value <= wanted,
    "lt": lambda value, wanted: value < wanted,
}
_MOST = 64
"""Combinations of values that are looked at; more are not worth it."""

_STOPS = frozenset({"deny", "drop", "redirect", "proxy", "allow", "block"})


@lru_cache(maxsize=1)
def facts_of(rules: RuleSet) -> Facts:
    """Return the facts of a rule set; they are drawn once while it does not change."""
    return Facts(rules)


class Facts:
    """What can be said of the TX variables of a rule set."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self.jumps = Jumps(rules)
        self.exclusions = Exclusions(rules)
        self._settings: dict[str, list[tuple[Entry, str | None]]] = {}
        self._wild: list[re.Pattern[str]] = []
        for entry in rules.entries:
            for setting in entry.settings:
                self._add(entry, setting)
        self._position = {id(entry): at for at, entry in enumerate(rules.entries)}
        self._values = lru_cache(maxsize=None)(self._all_values)

    def _add(self, entry: Entry, setting: Setting) -> None:
        if "%" in setting.name:
            pieces = _MACRO.split(setting.name)[::2]
            self._wild.append(re.compile(".*".join(map(re.escape, pieces))))
        self._settings.setdefault(setting.name, []).append((entry, setting.value))

    def position(self, entry: Entry) -> int:
        """Return where an entry stands."""
        return self._position[id(entry)]

    def values(self, name: str, at: Entry) -> Values | None:
        """Return what a TX variable can hold when an entry is met; None for anything."""
        known = self._values(name)
        if known is None or self._certain(name, at):
            return known
        return known | {UNSET}

    def _all_values(self, name: str, seen: frozenset[str] = frozenset()) -> Values | None:
        """Return what the variable is ever set to, UNSET only if some rule removes it."""
        if name in seen or name.isdigit() or name.startswith("msc_"):
            return None  # set by the engine itself, or from its own value
        if any(pattern.fullmatch(name) for pattern in self._wild):
            return None
        found: set[str | None] = set()
        for entry, value in self._settings.get(name, ()):
            if value is None:
                found.add(UNSET)
                continue
            macro = _MACRO.fullmatch(value)
            if macro and macro[1].lower().startswith("tx."):
                source = macro[1].lower()[3:]
                of = self._all_values(source, seen | {name})
                if of is None:
                    return None
                found |= of
                if not self._certain(source, entry):
                    found.add("")  # what a macro of a variable that is not there stands for
            elif "%" in value or value[:1] in "+-":
                return None
            else:
                found.add(value)
        return frozenset(found)

    def _certain(self, name: str, at: Entry) -> bool:
        """Return whether the variable is set by the time an entry is met, whatever the request."""
        if any(value is None for _, value in self._settings.get(name, ())):
            return False
        end = self.position(at) if at.phase == 1 else len(self._rules.entries)
        steps = self._first_steps.get(name, ())
        return any(position < end and self._sets(entry, name) for position, entry in steps)

    @cached_property
    def _first_steps(self) -> dict[str, list[tuple[int, Entry]]]:
        """The rules of phase 1 that every request meets, up to the first that may refuse it.

        By the variables that they may set.
        """
        found: dict[str, list[tuple[int, Entry]]] = {}
        for position, entry in self._rules.rules:
            if entry.phase != 1:
                continue
            if entry.always and entry.settings and self._sure_to_run(position, entry):
                for name in {each.name for each in entry.settings}:
                    found.setdefault(name, []).append((position, entry))
            if any(not _STOPS.isdisjoint(rule.by_name) for rule in entry.rules):
                break
        return found

    def _sure_to_run(self, position: int, entry: Entry) -> bool:
        return (
            len(entry.directives) == 1
            and not self.jumps.over(position)
            and not self.jumps.is_pinned(position)
            and not self.exclusions.may_remove(entry, before=position)
        )

    def _sets(self, entry: Entry, name: str) -> bool:
        """Return whether the variable is set once the entry has run."""
        if not any(each.name == name and each.value is not None for each in entry.settings):
            return False
        if entry.head.key == "secaction":
            return True
        guard = _unset_guard(entry.rules[0])
        return guard is not None and all(
            _sets_too(other, name) for other, _ in self._settings.get(guard, ())
        )

    def alone_sets(self, entry: Entry, name: str) -> bool:
        """Return whether no other rule can set a TX variable, so that it is unset until then."""
        if name.isdigit() or name.startswith("msc_"):
            return False
        others = (each for each, _ in self._settings.get(name, ()) if each is not entry)
        return not any(others) and not any(wild.fullmatch(name) for wild in self._wild)

    def truth(self, entry: Entry, index: int = 0) -> bool | None:
        """Return whether a rule of a chain matches: always, never, or None when it depends."""
        if entry.directives[index].key == "secaction":
            return True
        rule = entry.rules[index]
        if rule.operator is None or not rule.variables:
            return None
        if any(value != "none" for value in rule.values("t")):
            return None
        outcomes = [self._outcomes(variable, rule.operator, entry) for variable in rule.variables]
        if all(outcome == {False} for outcome in outcomes):
            return False
        return True if {True} in [set(outcome) for outcome in outcomes] else None

    def _outcomes(self, variable: Variable, operator: Operator, entry: Entry) -> set[bool]:
        unknown = {True, False}
        name = tx_name(variable)
        if name is None or variable.negated:
            return unknown
        held = self.values(name, entry)
        wanted = self._arguments(operator.argument, entry)
        if held is None or wanted is None or len(held) * len(wanted) > _MOST:
            return unknown
        if variable.counted:
            held = frozenset("0" if value is UNSET else "1" for value in held)
        found = set()
        for value, argument in product(held, wanted):
            # A rule whose only variable is not there does not match, negated or not.
            outcome = False if value is UNSET else _compare(operator, value, argument)
            if outcome is None:
                return unknown
            found.add(outcome)
        return found or {False}

    def _arguments(self, argument: str, entry: Entry) -> Values | None:
        macro = _MACRO.fullmatch(argument)
        if macro and macro[1].lower().startswith("tx."):
            return self.values(macro[1].lower()[3:], entry)
        return None if "%" in argument else frozenset({argument})


def _compare(operator: Operator, value: str, argument: str | None) -> bool | None:
    """Return what the operator says of a value; None when the engine has to be asked."""
    compare = _COMPARED.get(operator.name.lower())
    if argument is None or compare is None:
        return None
    if not _NUMBER.fullmatch(value) or not _NUMBER.fullmatch(argument):
        return None
    return bool(compare(int(value), int(argument))) is not operator.negated


def _unset_guard(rule: Rule) -> str | None:
    """Return the variable in a rule that runs where it is not set: `&TX:name "@eq 0"`."""
    if rule.operator is None or len(rule.variables) != 1:
        return None
    (variable,) = rule.variables
    plain = rule.operator.name.lower() == "eq" and not rule.operator.negated
    if not (plain and variable.counted and rule.operator.argument == "0"):
        return None
    return tx_name(variable)


def _sets_too(entry: Entry, name: str) -> bool:
    if len(entry.directives) != 1:
        return False
    return any(each.name == name and each.value is not None for each in entry.settings)
