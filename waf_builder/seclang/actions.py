"""What a rule does: the list `id:1,phase:2,msg:'a, b',t:none`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from waf_builder.problem import Problem
from waf_builder.seclang.source import Source, Span

_CONTINUED = r"\\[ \t]*\r?\n"
_GAP = rf"(?:[ \t\r\n\f\v]|{_CONTINUED})*"
# A + inside of a * is only safe where nothing follows that could fail, as in _ACTION.
# A value in single quotes may hold commas; initcol:ip='...' has its quote behind the =.
_ACTION = re.compile(
    rf"""
    (?:[ \t\r\n\f\v]+|{_CONTINUED})*
    (?P<name>[^\s,:'\\]*)
    (?P<colon>:[ \t]*
      (?:
        (?P<key>(?<=(?i:initcol:))[A-Za-z]+=(?='))?
        '(?P<quoted>[^'\\]*(?:\\[\s\S][^'\\]*)*)(?P<close>'?)
      | (?P<plain>[^,\\\n]*(?:\\(?![ \t]*\r?\n)[^,\\\n]*)*)
      )
    )?
    (?P<rest>[^,]*)
    """,
    re.VERBOSE,
)
_REST_IS_GAP = re.compile(rf"{_GAP}\Z")


class Action(NamedTuple):
    r"""One item of a rule's action list; `str()` writes it again.

    value: what stands behind the colon, without quotes, escapes such as `\'` still in it; None
        without a colon.
    value_start: the offset of the value, of the end of the name without one.
    quoted: whether single quotes stand around the value.
    """

    name: str
    value: str | None
    span: Span
    value_start: int
    quoted: bool = False

    @property
    def key(self) -> str:
        """The name in small letters: actions are compared without regard to case."""
        return self.name.lower()

    def __str__(self) -> str:
        if self.value is None:
            return self.name
        return f"{self.name}:'{self.value}'" if self.quoted else f"{self.name}:{self.value}"


def parse_actions(source: Source, span: Span, problems: list[Problem]) -> list[Action]:
    """Return the actions in a piece of text; what cannot be read goes to `problems`."""
    actions = []
    for match in _matches(source.text, span):
        name, *_, close, _, rest = match.groups()
        written = name and name[0] != "#"
        if (not written or rest or close == "") and (problem := _flaw(source, match, span)):
            problems.append(problem)
        if written:
            actions.append(_action(match))
    return actions


def first_id(source: Source, span: Span) -> Action | None:
    """Return the `id` action in a piece of text, without reading further than that."""
    for match in _matches(source.text, span):
        if match["name"].lower() == "id":
            return _action(match)
    return None


def _matches(text: str, span: Span) -> Iterator[re.Match[str]]:
    position = span.start
    while position <= span.end:
        match = _ACTION.match(text, position, span.end)
        if match is None:  # cannot be: every part may be empty
            return
        yield match
        position = match.end() + 1


def _action(match: re.Match[str]) -> Action:
    name, colon, key, quoted, _, plain, _ = match.groups()
    start = match.start("name")
    if colon is None:
        name_end = start + len(name)
        return Action(name, None, Span(start, name_end), name_end)
    if plain is not None:
        value, value_start = plain.rstrip(), match.start("plain")
        return Action(name, value, Span(start, value_start + len(value)), value_start)
    end = match.end("close")
    if key:
        value_start = match.start("key")
        return Action(name, match.string[value_start:end], Span(start, end), value_start)
    return Action(name, quoted, Span(start, end), match.start("quoted"), quoted=True)


def _flaw(source: Source, match: re.Match[str], span: Span) -> Problem | None:
    start = match.start("name")
    name = match["name"]
    if name.startswith("#"):
        return source.problem(
            "comment-inside",
            "a comment inside the actions of a rule",
            start,
            "A continued line cannot be commented out; move the comment above the rule.",
        )
    if match["close"] == "":
        return source.problem(
            "unterminated-quote",
            f"the single quote of {name} is not closed",
            match.start("quoted") - 1,
            r"Write a single quote inside the value as \'.",
        )
    rest = match["rest"]
    if not _REST_IS_GAP.match(rest):
        offset = match.start("rest") + len(rest) - len(rest.lstrip())
        word = rest.split()[-1] if "\\" in rest else rest.strip()
        if match["close"]:
            return source.problem(
                "text-after-quote",
                f"{word!r} stands behind the closing quote of {name}",
                offset,
                r"Write a single quote inside the value as \', and a comma between two actions.",
            )
        return source.problem(
            "missing-comma",
            f"a comma is missing between {name or 'nothing'} and {word!r}",
            offset,
            "Actions are separated by commas.",
        )
    if name and rest and rest[-1] in " \t" and match.end() == span.end and "\n" not in rest:
        return source.problem(
            "space-at-end",
            f"a space between {name} and the closing quote",
            match.start("rest"),
            "libmodsecurity refuses it there; remove it.",
        )
    if not name:
        return source.problem(
            "empty-action",
            "an action is missing in the list",
            start,
            "Nothing may stand between two commas, or behind the last one.",
        )
    return None
