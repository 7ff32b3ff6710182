"""What the compiler works on: rules in the order in which the engine meets them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from waf_builder.problem import Place
from waf_builder.seclang import Action, Directive, Rule, Variable

MARKER = 0
"""The phase of a marker: it stands in all of them."""

SILENT = frozenset({"id", "phase", "pass", "nolog", "noauditlog", "msg", "tag", "ver", "t"})
"""Actions of a rule that leave no trace: nothing is logged, set or refused by them."""

_SETVAR = re.compile(r"(?P<unset>!?)(?P<name>[^=]*)(?:=(?P<value>.*))?", re.DOTALL)


@dataclass(frozen=True)
class Setting:
    """What a `setvar` does to a variable of the TX collection.

    name: in small letters; a macro in it stands for anything.
    value: None when the variable is removed.
    """

    name: str
    value: str | None


@dataclass(frozen=True, eq=False)
class Entry:
    """A rule with the rules that are chained to it, a marker, or another directive.

    ours: it belongs to the rule set that is compiled; others are read and left alone.
    always: every request meets it; False for what a route's own file holds.
    targets: the variable list that the first rule is to get; None leaves the one it has.
    actions: what stands in place of some of its actions.
    unconditional: whether it is written without its condition, which is always true.
    shortened: whether the lists that it reads are written without what no text reaches.
    screened: whether it is passed over where the screens have found nothing.
    """

    directives: tuple[Directive, ...]
    ours: bool
    always: bool
    phase: int = MARKER
    targets: tuple[str, ...] | None = None
    actions: tuple[tuple[Action, str], ...] = ()
    unconditional: bool = False
    shortened: bool = False
    screened: bool = False

    @property
    def head(self) -> Directive:
        """The directive that stands first."""
        return self.directives[0]

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.head.place

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of the chain; none for a marker or another directive."""
        return tuple(each.rule for each in self.directives if each.rule)

    @property
    def is_rule(self) -> bool:
        """Whether it is a rule that some phase runs."""
        return self.phase != MARKER

    @cached_property
    def id(self) -> int | None:
        """The number of the first rule."""
        return self.rules[0].id if self.rules else None

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags of the first rule."""
        return tuple(self.rules[0].values("tag")) if self.rules else ()

    @cached_property
    def marker(self) -> str | None:
        """The name of the marker, if it is one."""
        if self.head.key != "secmarker" or not self.head.arguments:
            return None
        return self.head.arguments[0].text

    @cached_property
    def jumps(self) -> tuple[str, ...]:
        """The markers that it may jump to."""
        return tuple(
            value.strip("'\"") for rule in self.rules for value in rule.values("skipafter")
        )

    @cached_property
    def skips(self) -> int:
        """How many of the rules that follow it may skip."""
        return sum(int(value) for rule in self.rules for value in rule.values("skip"))

    @cached_property
    def ctls(self) -> tuple[str, ...]:
        """What it may change of the configuration while a request runs."""
        return tuple(value for rule in self.rules for value in rule.values("ctl"))

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """What it may do to TX variables."""
        return tuple(
            found for rule in self.rules for value in rule.values("setvar") for found in _set(value)
        )

    @cached_property
    def sees_earlier_matches(self) -> bool:
        """Whether a chained rule looks at all that matched, which may be of rules before these.

        The engine forgets it only when a rule does not match.
        """
        return any(
            each.collection in {"MATCHED_VARS", "MATCHED_VARS_NAMES"}
            for rule in self.rules[1:]
            for each in rule.variables
        )

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that the first rule looks at, as it is to be written."""
        if self.targets is not None:
            return self.targets
        return tuple(str(each) for each in self.rules[0].variables) if self.rules else ()

    def silent(self, *besides: str) -> bool:
        """Return whether all its actions leave no trace, or are among `besides`."""
        allowed = SILENT.union(besides)
        return bool(self.rules) and all(rule.by_name.keys() <= allowed for rule in self.rules)

    def logs_nothing(self) -> bool:
        """Return whether a match of it is in no record."""
        return bool(self.rules) and self.rules[0].has("nolog") and not self.rules[0].has("log")


@dataclass(frozen=True)
class Removed:
    """A rule, marker or directive that is not loaded."""

    entry: Entry
    why: str

    @property
    def subject(self) -> Entry:
        """What it is about, as it was before."""
        return self.entry


@dataclass(frozen=True)
class Changed:
    """A rule with other variables or actions, and what was done to it."""

    before: Entry
    after: Entry
    why: str

    @property
    def subject(self) -> Entry:
        """What it is about, as it was before."""
        return self.before


Change = Removed | Changed


@dataclass(frozen=True, eq=False)
class RuleSet:
    """Everything that the engine loads, in its order."""

    entries: tuple[Entry, ...]

    def after(self, changes: Iterable[Change]) -> RuleSet:
        """Return the rule set that the changes leave."""
        removed = set()
        changed = {}
        for change in changes:
            if isinstance(change, Removed):
                removed.add(id(change.entry))
            else:
                changed[id(change.before)] = change.after
        kept = (changed.get(id(each), each) for each in self.entries if id(each) not in removed)
        return replace(self, entries=tuple(kept))

    @cached_property
    def rules(self) -> tuple[tuple[int, Entry], ...]:
        """The rules, each with its position among the entries."""
        return tuple((at, each) for at, each in enumerate(self.entries) if each.is_rule)

    @cached_property
    def next_in_phase(self) -> dict[int, Entry]:
        """The rule that runs after each, by the position of that; the last of a phase has none."""
        found, last = {}, dict[int, int]()
        for at, entry in self.rules:
            if entry.phase in last:
                found[last[entry.phase]] = entry
            last[entry.phase] = at
        return found


Pass = Callable[[RuleSet], Iterable[Change]]
"""One step of the compiler; the same changes for the same rule set, and none the second time."""


def tx_name(variable: Variable) -> str | None:
    """Return the name of a TX variable in small letters; None for another variable."""
    if variable.collection != "TX" or not variable.selector or variable.pattern is not None:
        return None
    return variable.selector.strip("'").lower()


def _set(value: str) -> Iterable[Setting]:
    match = _SETVAR.fullmatch(value.strip())
    if match is None:  # cannot be: every part may be empty
        return
    collection, _, name = match["name"].strip().replace(":", ".", 1).partition(".")
    if collection.lower() == "tx":
        yield Setting(name.lower(), None if match["unset"] else match["value"] or "+")
