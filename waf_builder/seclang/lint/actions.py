"""Actions: names, values, transformations and the options of ctl."""

from __future__ import annotations

import re
from collections.abc import Iterator

from waf_builder.problem import Problem
from waf_builder.seclang.actions import Action
from waf_builder.seclang.document import Directive
from waf_builder.seclang.lint.macros import bad_macros, lone_percent
from waf_builder.seclang.lint.words import Setting, support, unknown
from waf_builder.seclang.source import Source
from waf_builder.seclang.vocabulary.actions import ACTIONS, CTL_OPTIONS, TRANSFORMATIONS, ActionWord
from waf_builder.seclang.vocabulary.word import Support

_NO_START = "nginx does not start with it."


def check_actions(directive: Directive, setting: Setting) -> Iterator[Problem]:
    """Yield what is wrong with each action of a directive by itself."""
    rule = directive.rule
    for action in rule.actions if rule and rule.sound else ():
        word = ACTIONS.get(action.key)
        source = directive.source
        offset = action.span.start
        if word is None:
            yield unknown(source, offset, "action", action.name, ACTIONS, _NO_START)
            continue
        yield from support(source, offset, word.name, word, setting)
        if word.support is Support.REFUSED:
            continue
        flaws = list(_value(source, action, word))
        yield from flaws
        if not flaws and action.key == "t":
            yield from _transformation(source, action)
        elif not flaws and action.key == "ctl":
            yield from _ctl(source, action, setting)


def _value(source: Source, action: Action, word: ActionWord) -> Iterator[Problem]:
    offset = action.span.start
    value = action.value
    expected = f"expected {word.expects}"
    if value is None:
        if word.value is not None and not word.optional:
            yield source.problem("bad-action", f"{word.name} lacks its value, {expected}", offset)
    elif word.value is None:
        hint = f"Write {word.name}" + (f",status:{value}" if value.isdigit() else "")
        yield source.problem("bad-action", f"{word.name} takes no value", offset, hint)
    elif not re.fullmatch(word.value, value):
        first, *others = value.split() or [""]
        missing = others and re.fullmatch(word.value, first)
        hint = "Actions are separated by commas." if missing else ""
        yield source.problem("bad-action", f"{word.name} is {value!r}, {expected}", offset, hint)
    elif action.quoted and not word.quotable:
        message = f"the value of {word.name} stands in quotes, which libmodsecurity refuses"
        yield source.problem("bad-action", message, offset, f"Write {word.name}:{value}")
    elif word.must_quote and not action.quoted:
        message = f"{word.name} is {value!r}, {expected}"
        yield source.problem("bad-action", message, offset, f"Write {word.name}:'{value}'")
    elif action.value_start - offset > len(action.name) + 1 + action.quoted:
        message = f"a space stands between {word.name}: and its value"
        yield source.problem("bad-action", message, offset, f"Write {action}")
    else:
        yield from bad_macros(source, value, action.value_start)
        if word.macros and action.quoted and (lone := lone_percent(value)) >= 0:
            yield source.problem(
                "percent",
                f"a % in the value of {word.name}",
                action.value_start + lone,
                "libmodsecurity takes it for the beginning of %{...} and does not load; write the"
                " text without it.",
            )


def _transformation(source: Source, action: Action) -> Iterator[Problem]:
    value = action.value or ""
    if value.lower() not in TRANSFORMATIONS:
        offset = action.span.start
        yield unknown(source, offset, "transformation", value, TRANSFORMATIONS, _NO_START, "t:")


def _ctl(source: Source, action: Action, setting: Setting) -> Iterator[Problem]:
    name, _, value = (action.value or "").partition("=")
    offset = action.span.start
    word = CTL_OPTIONS.get(name.lower())
    if word is None:
        yield unknown(source, offset, "ctl", name, CTL_OPTIONS, _NO_START, "ctl:")
        return
    yield from support(source, offset, f"ctl:{word.name}", word, setting)
    if word.support is not Support.REFUSED and not re.fullmatch(word.value, value):
        message = f"ctl:{word.name} is {value!r}, expected {word.expects}"
        yield source.problem("bad-action", message, offset, _removal_hint(word.name, value))


def _removal_hint(name: str, value: str) -> str:
    if name == "ruleRemoveById" and re.search(r"[, ]", value):
        return "Write one ctl:ruleRemoveById for each id."
    if name.startswith("ruleRemoveTarget") and "/" in value:
        return (
            "Only SecRuleUpdateTargetById takes regular expressions: SecRuleUpdateTargetById ID"
            ' "!ARGS:/regex/"'
        )
    return ""
