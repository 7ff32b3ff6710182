"""Whether there is an empty line beside a rule, for what leads over it."""

from __future__ import annotations

from waf_builder.crs.compile.model import Entry

TRACELESS = 2
"""Lines before a rule where what leads over it leaves nothing in MATCHED_VARS."""


def has_room(entry: Entry, *, before: bool, lines: int = 1) -> bool:
    """Return whether so many lines before a rule, or the one behind it, will be empty."""
    text = entry.head.source.text
    if before:
        above = text[: entry.head.span.start].split("\n")[:-1]
        return len(above) >= lines and all(map(_empty, above[-lines:]))
    rest = text[entry.directives[-1].span.end :].partition("\n")[2]
    line, line_break, _ = rest.partition("\n")
    return bool(line_break) and _empty(line)


def _empty(line: str) -> bool:
    """Return whether a line is, once comments are left out."""
    return not line.strip() or line.lstrip().startswith("#")
