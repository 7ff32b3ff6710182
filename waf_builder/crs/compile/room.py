"""Whether there is an empty line beside a rule, for what leads over it."""

from __future__ import annotations

from waf_builder.crs.compile.model import Entry


def has_room(entry: Entry, *, before: bool) -> bool:
    """Return whether the line before a rule, or the one behind it, will be empty."""
    text = entry.head.source.text
    if before:
        line = text[: entry.head.span.start].rpartition("\n")[0].rpartition("\n")[2]
        return _empty(line)
    rest = text[entry.directives[-1].span.end :].partition("\n")[2]
    line, line_break, _ = rest.partition("\n")
    return bool(line_break) and _empty(line)


def _empty(line: str) -> bool:
    """Return whether a line is, once comments are left out."""
    return not line.strip() or line.lstrip().startswith("#")
