"""Whether there is an empty line beside a rule, for what leads over it."""

from __future__ import annotations

from collections.abc import Sequence

from waf_builder.crs.compile.model import Entry


def lines_before(rules: Sequence[Entry]) -> int:
    """Return how many lines best lead over some rules; one will do.

    One leaves something in MATCHED_VARS where it leads over them; more do where it does not.
    """
    return 3 if any(each.sees_earlier_matches for each in rules) else 2


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
