"""What was meant by text that is no YAML: the parser speaks of tokens, people of lines."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

_START = r"\s*(?:- +)*"
_NO_SPACE = re.compile(rf"{_START}(?P<key>[\w-]+):(?P<value>[^\s:/]\S*)\s*")
_WITH_VALUE = re.compile(rf"{_START}[\w-]+: +[^\s#]")
_NOT_FIRST = frozenset("@`%*&!|>")
"""What text cannot begin with: each means something else to YAML, or is kept for it."""
_NO_BREAK_SPACE = "\xa0"


def way_out(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return what to do about an error of the parser; else what it says itself, or nothing."""
    end, start = error.problem_mark or error.context_mark, error.context_mark or error.problem_mark
    if not end or not start:
        return ""
    lines = text.splitlines()
    says = (line for line in range(min(end.line, len(lines)) - 1, -1, -1) if _says(lines[line]))
    begun = f" that begins at line {start.line + 1}" if start.line < end.line else ""
    found = _Stop(
        problem=error.problem or "",
        context=f"{error.context}{begun}." if error.context else "",
        lines=lines,
        line=end.line,
        column=end.column,
        above=next(says, end.line),
        start=(start.line, start.column),
    )
    hints = (_tab, _odd_space, _second_document, _first_character, _no_space, _colon, _indentation)
    return next((hint for hint in (one(found) for one in hints) if hint), found.context)


@dataclass(frozen=True)
class _Stop:
    """Where the parser gave up; lines and columns count from 0.

    above: the last line before it that says anything. start: where what it was reading begins.
    """

    problem: str
    context: str
    lines: list[str]
    line: int
    column: int
    above: int
    start: tuple[int, int]

    def text(self, line: int) -> str:
        return self.lines[line] if line < len(self.lines) else ""


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _tab(found: _Stop) -> str:
    is_tab = found.text(found.line)[found.column : found.column + 1] == "\t"
    return "YAML is indented with spaces, and a tab stands here." if is_tab else ""


def _odd_space(found: _Stop) -> str:
    for line in (found.line, found.above):
        if _NO_BREAK_SPACE in found.text(line):
            return f"Line {line + 1} has a no-break space, as web pages do: type a space."
    return ""


def _second_document(found: _Stop) -> str:
    second = found.problem == "but found another document"
    return "A file holds one document: remove this line and what does not belong." if second else ""


def _first_character(found: _Stop) -> str:
    line, column = found.start
    first = found.text(line)[column : column + 1]
    return f"Text that begins with {first} stands in quotes." if first in _NOT_FIRST else ""


def _no_space(found: _Stop) -> str:
    if "block" in found.context or "flow" in found.context:
        return ""
    for line in (found.above, found.line, found.start[0]):
        if no_space := _NO_SPACE.fullmatch(found.text(line)):
            whole = f"{no_space['key']}: {no_space['value']}"
            return f"Line {line + 1} has no space after its colon, expected {whole!r}."
    return ""


def _colon(found: _Stop) -> str:
    before = found.text(found.line)[: found.column]
    second = "mapping values" in found.problem and _WITH_VALUE.match(before)
    return "Text with a colon and a space in it stands in quotes." if second else ""


def _indentation(found: _Stop) -> str:
    if "mapping values" in found.problem and _WITH_VALUE.match(found.text(found.above)):
        return f"It is indented more than line {found.above + 1}, which has a value already."
    if "parsing a block" in found.context and found.column:
        return "It begins in the column of no line above; keys of one mapping begin in the same."
    return ""
