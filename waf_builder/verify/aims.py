"""What each rule looks for, and where: so that a request can be made for that rule alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from waf_builder.crs.compile.model import Entry
from waf_builder.crs.compile.words import in_file
from waf_builder.seclang import Operator, Rule, Variable

LISTS = frozenset({"pm", "pmfromfile", "pmf"})
_PHASES = frozenset({1, 2})
_ANYTHING = frozenset({"detectsqli", "detectxss"})
_EARLIER = frozenset({"MATCHED_VAR", "MATCHED_VARS"})


@dataclass(frozen=True)
class Sought:
    """What one rule of a chain looks for.

    expression: of its operator, or empty. listed: the words of its list. attack: whether it is
    libinjection that looks. undone: what it decodes before, in small letters.
    """

    expression: str
    listed: tuple[str, ...]
    anything: bool
    undone: tuple[str, ...]
    where: tuple[Variable, ...]

    @property
    def in_what_matched(self) -> bool:
        """Return whether it looks at what the rule before it in the chain has found."""
        return any(each.collection in _EARLIER for each in self.where)


@dataclass(frozen=True)
class Aim:
    """A rule, with those that are chained to it, and one of the variables of the first."""

    rule: int | None
    where: Variable
    sought: tuple[Sought, ...]


def aims_of(entries: Iterable[Entry], files: Mapping[str, str]) -> Iterator[Aim]:
    """Return an aim for each rule about requests and each variable that it looks at.

    files: the lists that rules read, name to text.
    """
    for entry in entries:
        first = _sought(entry.rules[0], files) if entry.phase in _PHASES else None
        if first is None:
            continue
        chained = (_sought(rule, files) for rule in entry.rules[1:])
        sought = (first, *(each for each in chained if each))
        for where in first.where:
            yield Aim(entry.id, where, sought)


def words_of_list(operator: Operator, files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words of a list that a rule looks for; none where it does otherwise."""
    if operator.name.lower() not in LISTS:
        return ()
    words = operator.argument.split()
    if operator.name.lower() != "pm":
        words = in_file(files.get(operator.argument, ""))
    return tuple(word for word in words if word.isprintable())


def pattern_of(operator: Operator) -> str:
    """Return the expression that a rule looks for; empty where it does otherwise."""
    if operator.name.lower() != "rx" or operator.negated:
        return ""
    return operator.argument.replace(r"\"", '"')


def _sought(rule: Rule, files: Mapping[str, str]) -> Sought | None:
    operator = rule.operator
    if operator is None:
        return None
    found = Sought(
        pattern_of(operator),
        words_of_list(operator, files),
        operator.name.lower() in _ANYTHING or operator.negated,
        tuple(value.lower() for value in rule.values("t")),
        tuple(each for each in rule.variables if not each.negated and not each.counted),
    )
    return found if found.expression or found.listed or found.anything else None
