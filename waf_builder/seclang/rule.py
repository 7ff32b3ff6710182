"""A directive that holds variables, an operator or actions, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property

from waf_builder.problem import Problem
from waf_builder.seclang.actions import Action, first_id, parse_actions
from waf_builder.seclang.operators import Operator, parse_operator
from waf_builder.seclang.scan import Argument, Statement
from waf_builder.seclang.source import Source, Span
from waf_builder.seclang.variables import Variable, parse_variables


class Part(Enum):
    """What an argument of a rule directive is."""

    VARIABLES = auto()
    OPERATOR = auto()
    ACTIONS = auto()
    TEXT = auto()


# Only SecRule can do without its last argument.
SHAPES: dict[str, tuple[Part, ...]] = {
    "secrule": (Part.VARIABLES, Part.OPERATOR, Part.ACTIONS),
    "secaction": (Part.ACTIONS,),
    "secdefaultaction": (Part.ACTIONS,),
    "secrulescript": (Part.TEXT, Part.ACTIONS),
    "secruleupdateactionbyid": (Part.TEXT, Part.ACTIONS),
    "secruleupdatetargetbyid": (Part.TEXT, Part.VARIABLES),
    "secruleupdatetargetbytag": (Part.TEXT, Part.VARIABLES),
    "secruleupdatetargetbymsg": (Part.TEXT, Part.VARIABLES),
}
DEFINES = frozenset({"secrule", "secaction", "secrulescript"})
"""The directives, in small letters, that make a rule."""

_NUMBER = re.compile(r"[0-9]{1,18}")
_NAMES = {
    Part.VARIABLES: "its variables",
    Part.OPERATOR: "its operator",
    Part.ACTIONS: "its actions",
    Part.TEXT: "its first argument",
}


@dataclass(frozen=True)
class Rule:
    """The parts of a rule directive; those that it does not have are empty.

    problems: what could not be read in these parts.
    sound: False when the arguments themselves are not what they should be: one too few, one too
        many, a quote that is not closed. Then the parts are only a guess.
    """

    variables: tuple[Variable, ...]
    operator: Operator | None
    actions: tuple[Action, ...]
    problems: tuple[Problem, ...]
    sound: bool

    @cached_property
    def by_name(self) -> dict[str, list[str | None]]:
        """The values of the actions by their names in small letters, in the order of the text."""
        found: dict[str, list[str | None]] = {}
        for action in self.actions:
            found.setdefault(action.key, []).append(action.value)
        return found

    def has(self, name: str) -> bool:
        """Return whether an action is there; `name` in small letters."""
        return name in self.by_name

    def value(self, name: str) -> str | None:
        """Return the value of the first action of a name; None if there is none."""
        return self.by_name.get(name, (None,))[0]

    def values(self, name: str) -> list[str]:
        """Return the values of every action of a name, empty where one has none."""
        return [value or "" for value in self.by_name.get(name, ())]

    @property
    def id(self) -> int | None:
        """The rule's number; None when it has none, or none that is a number."""
        return as_number(self.value("id"))


def parse_rule(source: Source, statement: Statement) -> Rule | None:
    """Return the parts of a rule directive, or None for another directive."""
    shape = SHAPES.get(statement.name.text.lower())
    if shape is None:
        return None
    variables: list[Variable] = []
    operator: Operator | None = None
    actions: list[Action] = []
    problems: list[Problem] = []
    for part, argument in zip(shape, statement.arguments, strict=False):
        if part is Part.VARIABLES:
            variables = parse_variables(source, argument.span, problems)
        elif part is Part.OPERATOR:
            operator = parse_operator(source, argument.span)
        elif part is Part.ACTIONS:
            actions = parse_actions(source, argument.span, problems)
    sound = all(argument.sound for argument in statement.arguments)
    if sound and (miscounted := _miscounted(source, statement, shape)):
        sound, problems = False, [miscounted]
    elif not sound:  # the scanner has said why
        problems = []
    return Rule(tuple(variables), operator, tuple(actions), tuple(problems), sound)


def rule_id(source: Source, statement: Statement) -> tuple[int, Span] | None:
    """Return a rule's number and where it stands, without reading more than needed."""
    shape = SHAPES.get(statement.name.text.lower())
    if shape is None or shape[-1] is not Part.ACTIONS or len(statement.arguments) < len(shape):
        return None
    action = first_id(source, statement.arguments[len(shape) - 1].span)
    number = as_number(action.value) if action else None
    return None if action is None or number is None else (number, action.span)


def as_number(text: str | None) -> int | None:
    """Return a rule number; None for anything but 1 to 18 digits, which is what 64 bits hold."""
    return int(text) if text and _NUMBER.fullmatch(text) else None


def _miscounted(source: Source, statement: Statement, shape: tuple[Part, ...]) -> Problem | None:
    name = statement.name
    arguments = statement.arguments
    needed = 2 if name.text.lower() == "secrule" else len(shape)
    if len(arguments) < needed:
        missing = " and ".join(_NAMES[part] for part in shape[len(arguments) : needed])
        return source.problem("missing-argument", f"{name.text} lacks {missing}", name.span.start)
    if len(arguments) > len(shape):
        return _surplus(source, name, arguments[len(shape)], len(shape))
    return None


def _surplus(source: Source, name: Argument, surplus: Argument, expected: int) -> Problem:
    return source.problem(
        "extra-argument",
        f"{name.text} takes {expected} argument{'s' if expected > 1 else ''},"
        f" {surplus.text[:40]!r} is one more",
        surplus.outer.start,
        "An argument with spaces in it stands in double quotes.",
    )
