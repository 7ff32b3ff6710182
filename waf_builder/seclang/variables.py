"""What a rule looks at: the list `ARGS|!ARGS:/^x/|&TX:a`."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from waf_builder.problem import Problem
from waf_builder.seclang.source import Source, Span

# A list is split at | and at commas. A regex selector may hold | when it stands in quotes:
# ARGS:'/^a|b$/'. Without quotes the engine splits there; what was meant is still clear when
# what follows is no variable, so the selector is read whole and `bare_alternation` says so.
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLE = re.compile(
    rf"""
    (?P<blank>[ \t]*)
    (?P<marks>[!&]*)
    (?P<name>[^!&|,:.'"/ \t]*)
    (?:[:.](?P<selector>
        '(?:[^'\\]|\\.)*'(?=[|,]|\Z)
      | /[^|,]*/(?=[|,]|\Z)
      | /[^|]*(?:\|(?![!&]*{_NAME}(?:[:.|,]|\Z))[^|]*)+/(?=[|,]|\Z)
      | [^|,]*
    ))?
    (?P<rest>[^|,]*)
    """,
    re.VERBOSE,
)


class Variable(NamedTuple):
    """One item of a rule's variable list; `str()` writes it again.

    name: as written, such as `ARGS`; collections are compared without regard to case.
    selector: what stands behind the colon, as written: `x`, `/^x/`, `'/a|b/'`; None without one.
    """

    name: str
    span: Span
    selector: str | None = None
    negated: bool = False
    counted: bool = False

    @property
    def collection(self) -> str:
        """The name in capital letters."""
        return self.name.upper()

    @property
    def pattern(self) -> str | None:
        """The regular expression of a selector `/.../` or `'/.../'`; None when it is no regex."""
        selector = self.selector or ""
        if len(selector) > len("''") and selector[0] == selector[-1] == "'":
            selector = selector[1:-1]
        # XML's selectors are XPath: /* is no regular expression.
        if len(selector) > len("//") and selector[0] == selector[-1] == "/":
            return None if self.collection == "XML" else selector[1:-1]
        return None

    @property
    def bare_alternation(self) -> bool:
        """Whether a regex with | or a comma stands without quotes: the engine splits it there."""
        return (
            self.pattern is not None
            and self.selector is not None
            and (self.selector[0] == "/" and bool(re.search("[|,]", self.selector)))
        )

    def __str__(self) -> str:
        mark = "!" if self.negated else "&" if self.counted else ""
        return mark + self.name + ("" if self.selector is None else f":{self.selector}")


@lru_cache(maxsize=1024)
def read_variables(text: str) -> tuple[Variable, ...]:
    """Return the variables in a list such as `ARGS|!ARGS:token`, without what cannot be read."""
    return tuple(parse_variables(Source(text), Span(0, len(text)), []))


def parse_variables(source: Source, span: Span, problems: list[Problem]) -> list[Variable]:
    """Return the variables in a piece of text; what cannot be read goes to `problems`."""
    variables = []
    position = span.start
    while True:
        match = _VARIABLE.match(source.text, position, span.end)
        if match is None:  # cannot be: every part may be empty
            break
        blank, marks, name, selector, rest = match.groups()
        if not name or rest or blank or len(marks) > 1:
            _check(source, match, problems)
        if name:
            variables.append(
                Variable(
                    name,
                    Span(match.start("marks"), match.end()),
                    selector,
                    negated="!" in marks,
                    counted="&" in marks,
                )
            )
        position = match.end() + 1
        if position > span.end:
            break
    return variables


def _check(source: Source, match: re.Match[str], problems: list[Problem]) -> None:
    if not match["name"] and not match["rest"]:
        problems.append(
            source.problem(
                "empty-variable",
                "a variable is missing in the list",
                match.start("marks"),
                "The list is one word: no spaces, nothing between two |, no | at its end, and it"
                " does not go on in the next line.",
            )
        )
    if match["rest"] or match["blank"] or len(match["marks"]) > 1:
        word = match[0].strip()
        problems.append(
            source.problem(
                "bad-variable",
                f"cannot read the variable {word!r}",
                match.start("marks"),
                "Expected NAME, NAME:key or NAME:/regex/, with at most one ! or & before it and no"
                " spaces around |.",
            )
        )
