"""Operators: names, arguments, regular expressions, and what the engine's lexer does to them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.seclang.document import Directive
from waf_builder.seclang.lint.macros import bad_macros
from waf_builder.seclang.lint.words import Setting, support, unknown
from waf_builder.seclang.operators import Operator
from waf_builder.seclang.pcre import regex_error
from waf_builder.seclang.source import Source
from waf_builder.seclang.vocabulary.operators import OPERATORS, OperatorWord, Takes
from waf_builder.seclang.vocabulary.word import Support

_NUMBER = re.compile(r"[ \t]*-?[0-9]+[ \t]*")
_ESCAPED_QUOTE = re.compile(r'(?<!\\)(?:\\\\)*\\"')


def check_operator(directive: Directive, setting: Setting) -> Iterator[Problem]:
    """Yield what is wrong with the operator of a rule."""
    operator = directive.rule.operator if directive.rule else None
    if operator is None or not (directive.rule and directive.rule.sound):
        return
    source = directive.source
    offset = operator.span.start
    word = OPERATORS.get(operator.name.lower())
    if word is None:
        effect = (
            "libmodsecurity does not complain: it looks for the text as a regular expression, or"
            " runs another operator."
        )
        yield unknown(source, offset, "operator", operator.name, OPERATORS, effect, "@")
        return
    yield from support(source, offset, f"@{word.name}", word, setting)
    if word.support is Support.REFUSED:
        return
    flaws = list(_argument(source, operator, word)) or list(_lexer(source, operator, word))
    yield from flaws
    if not flaws:
        yield from bad_macros(source, operator.argument, operator.argument_span.start)
        if word.takes is Takes.REGEX:
            yield from _regex(source, operator)


def _argument(source: Source, operator: Operator, word: OperatorWord) -> Iterator[Problem]:
    offset = operator.span.start
    argument = operator.argument
    if word.takes is Takes.NOTHING:
        if argument.strip():
            yield source.problem(
                "operator-argument",
                f"@{word.name} takes no argument",
                offset,
                "libmodsecurity would look for the whole text as a regular expression.",
            )
    elif not argument:
        name = "the operator" if operator.implicit else f"@{word.name}"
        yield source.problem(
            "operator-argument",
            f"{name} lacks its argument",
            offset,
            "libmodsecurity would read on into the actions. To match empty text write @rx ^$",
        )
    elif word.takes is Takes.NUMBER:
        if "%{" not in argument and not _NUMBER.fullmatch(argument):
            message = f"@{word.name} compares numbers, got {argument!r}"
            hint = "libmodsecurity takes it for 0. To compare text use @streq."
            yield source.problem("operator-argument", message, offset, hint)
    elif word.name == "ipMatch" and re.search(r"\s", argument):
        message = "the list of @ipMatch has spaces in it"
        hint = "nginx does not start with it; separate the addresses by commas alone."
        yield source.problem("operator-argument", message, offset, hint)


def _lexer(source: Source, operator: Operator, word: OperatorWord) -> Iterator[Problem]:
    argument = operator.argument
    offset = operator.argument_span.start
    if "\n" in argument:
        yield source.problem(
            "operator-continued",
            f"the argument of @{word.name} goes over several lines",
            offset,
            "libmodsecurity takes backslash, line end and indentation for a part of it, so it never"
            " matches; write it on one line.",
        )
    elif argument.startswith('\\"'):
        yield source.problem(
            "operator-quote",
            f"the argument of @{word.name} begins with an escaped quote",
            offset,
            "libmodsecurity takes that quote for the closing one; write \\x22 with @rx.",
        )
    elif word.takes is not Takes.REGEX and _ESCAPED_QUOTE.search(argument):
        yield source.problem(
            "operator-quote",
            f"@{word.name} looks for the backslash before the quote too",
            offset,
            "libmodsecurity does not remove it; use @rx, and write \\x22.",
        )
    elif argument.endswith("%"):
        yield source.problem(
            "percent",
            f"the argument of @{word.name} ends with %",
            offset + len(argument) - 1,
            "libmodsecurity then misses the closing quote; use @rx, and write \\x25.",
        )
    elif argument.startswith(" ") and word.takes in {Takes.TEXT, Takes.REGEX}:
        yield source.problem(
            "operator-space",
            f"the argument of @{word.name} begins with a space",
            offset,
            "libmodsecurity looks for that space too. If you mean it, write \\x20 with @rx.",
            Severity.WARNING,
        )


def _regex(source: Source, operator: Operator) -> Iterator[Problem]:
    if "%{" in operator.argument:  # known only at run time
        return
    why = regex_error(operator.argument)
    if why:
        effect = "always matches" if operator.negated else "never matches"
        yield source.problem(
            "bad-regex",
            f"the regular expression does not compile: {why}",
            operator.argument_span.start,
            f"libmodsecurity loads it without a word, and the rule {effect}.",
        )
