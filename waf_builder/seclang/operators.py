"""How a rule compares: `!@rx ^foo`."""

from __future__ import annotations

import re
from typing import NamedTuple

from waf_builder.seclang.source import Source, Span

_OPERATOR = re.compile(
    r"(?:[ \t]|\\\r?\n)*(?P<not>!)?(?:[ \t]|\\\r?\n)*(?:@(?P<name>[^\s\\]*)(?P<space>[ \t]?))?"
)


class Operator(NamedTuple):
    r"""A rule's operator; `str()` writes it again.

    name: without the @ and as written; `rx` where the text names none.
    implicit: whether the text names no operator.
    argument: everything behind the one space that follows the name, as it stands in the text:
        escapes such as `\"` and line continuations are still in it. That is also what
        libmodsecurity takes.
    """

    name: str
    argument: str
    span: Span
    argument_span: Span
    negated: bool = False
    implicit: bool = False

    def __str__(self) -> str:
        mark = "!" if self.negated else ""
        if self.implicit:
            return mark + self.argument
        return f"{mark}@{self.name} {self.argument}" if self.argument else f"{mark}@{self.name}"


def parse_operator(source: Source, span: Span) -> Operator:
    """Return the operator in a piece of text."""
    match = _OPERATOR.match(source.text, span.start, span.end)
    negated = bool(match and match["not"])
    name = match["name"] if match else None
    start = match.end() if match else span.start
    if match and name is None:
        start = match.end("not") if negated else span.start
    return Operator(
        name="rx" if name is None else name,
        argument=source.text[start : span.end],
        span=span,
        argument_span=Span(start, span.end),
        negated=negated,
        implicit=name is None,
    )
