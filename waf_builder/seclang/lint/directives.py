"""Directives: their names, their values, and what only the spec should decide."""

from __future__ import annotations

import re
from collections.abc import Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.seclang.document import Directive
from waf_builder.seclang.lint.words import Setting, support, unknown
from waf_builder.seclang.rule import SHAPES
from waf_builder.seclang.vocabulary.directives import DIRECTIVES, OFF, DirectiveWord, Value
from waf_builder.seclang.vocabulary.word import Support

_SIZE = re.compile(r"([0-9]+)\s*([kmg])b?", re.IGNORECASE)
_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def check_directive(directive: Directive, setting: Setting) -> Iterator[Problem]:
    """Yield what is wrong with a directive's name and value."""
    source = directive.source
    offset = directive.span.start
    word = DIRECTIVES.get(directive.key)
    if word is None:
        yield _unknown(directive)
        return
    yield from support(source, offset, word.name, word, setting)
    if word.support is not Support.REFUSED and directive.key not in SHAPES and word.value:
        yield from _value(directive, word, word.value)
    if word.tab_crashes and directive.arguments:
        gap = source.text[directive.statement.name.span.end : directive.arguments[0].outer.start]
        if gap and " " not in gap and "\t" in gap:
            yield source.problem(
                "tab",
                f"a tab follows {word.name}",
                offset + len(directive.name),
                "libmodsecurity 3.0.9 crashes on it while it loads; write a space.",
                Severity.WARNING,
            )
    if not setting.ours:
        yield from _decided_by_the_spec(directive)


def _unknown(directive: Directive) -> Problem:
    if directive.name.startswith("<"):
        return directive.source.problem(
            "unknown-directive",
            f"{directive.name!r} opens or closes a section of Apache's configuration",
            directive.span.start,
            "libmodsecurity reads none; keep what stands inside and remove these lines.",
        )
    return unknown(
        directive.source,
        directive.span.start,
        "directive",
        directive.name,
        DIRECTIVES,
        "nginx does not start with it.",
    )


def _value(directive: Directive, word: DirectiveWord, value: Value) -> Iterator[Problem]:
    source = directive.source
    arguments = directive.arguments
    if not arguments:
        if value.pattern:
            message = f"{word.name} lacks its value, expected {value.expects}"
            yield source.problem("missing-argument", message, directive.span.start)
        return
    start = arguments[0]
    quoted = len(arguments) == 1 and start.quote == '"'
    text = start.text if quoted else source.text[start.outer.start : arguments[-1].outer.end]
    pattern = value.pattern if quoted else value.bare or value.pattern
    if not re.fullmatch(pattern, text):
        if value is OFF:
            message = f"libmodsecurity 3 refuses {word.name} {text}: {word.why}"
            hint = f"Instead: {word.instead}." if word.instead else "Remove the line."
            yield source.problem("refused", message, start.outer.start, hint)
            return
        message = f"{word.name} is {text!r}, expected {value.expects}"
        yield source.problem("bad-value", message, start.outer.start, _size_hint(text))
    elif quoted and not value.quotable:
        message = f"the value of {word.name} stands in double quotes, which libmodsecurity refuses"
        hint = f"Write {word.name} {text}"
        yield source.problem("bad-value", message, start.outer.start, hint)
    elif value.must_quote and not quoted:
        message = f"{word.name} is {text!r}, expected {value.expects}"
        yield source.problem("bad-value", message, start.outer.start, f'Write {word.name} "{text}"')


def _size_hint(text: str) -> str:
    match = _SIZE.fullmatch(text)
    if not match:
        return ""
    size = int(match[1]) * _UNITS[match[2].lower()]
    return f"libmodsecurity knows no units; write {size}, the number of bytes."


def _decided_by_the_spec(directive: Directive) -> Iterator[Problem]:
    source = directive.source
    offset = directive.span.start
    value = directive.arguments[0].text if directive.arguments else ""
    if directive.key == "secruleengine" and value:
        severity, effect = (
            (Severity.ERROR, "switches the WAF off for every request")
            if value.lower() in {"off", "detectiononly"}
            else (Severity.WARNING, "decides for every request whether the WAF blocks")
        )
        message = f"{directive.name} {value} {effect}"
        yield source.problem(
            "engine-mode",
            message,
            offset,
            "Set waf.mode in the spec (block, detect or off), for all routes or for one.",
            severity,
        )
    elif directive.key == "secremoterules":
        yield source.problem(
            "remote-rules",
            f"{directive.name} fetches rules from another machine at every start",
            offset,
            "What was checked today may not be what runs tomorrow. Download the rules into a file"
            " beside this one.",
        )
    elif directive.key.startswith("secaudit"):
        yield source.problem(
            "audit-log",
            f"{directive.name} changes the audit log, which waf-builder sets up",
            offset,
            "It goes to standard output as one JSON line a request, without bodies and headers;"
            " remove the line.",
            Severity.WARNING,
        )
    elif directive.key.startswith("secdebuglog"):
        yield source.problem(
            "debug-log",
            f"{directive.name} writes what requests hold, passwords too, into a file",
            offset,
            "It also slows every request; remove the line before you deploy.",
            Severity.WARNING,
        )
