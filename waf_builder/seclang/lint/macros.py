"""`%{...}` in values: names that there are, and a % that begins none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from waf_builder.problem import Problem
from waf_builder.seclang.source import Source
from waf_builder.seclang.vocabulary.variables import VARIABLES

_MACRO = re.compile(r"%\{(?P<name>[^}.:]*)[^}]*(?P<close>\}?)")
# A % right behind a macro is read as plain text.
_TEXT_AROUND = re.compile(r"%\{[^}]*\}%?")


def bad_macros(source: Source, text: str, offset: int) -> Iterator[Problem]:
    """Yield the macros of a text that name no variable; `offset` is where the text begins."""
    for match in _MACRO.finditer(text):
        if match["close"] and match["name"].lower() in VARIABLES:
            continue
        yield source.problem(
            "bad-macro",
            f"{match[0]!r} names no variable",
            offset + match.start(),
            "nginx does not start with it. For a plain % before { write \\x25 in a regular"
            " expression.",
        )


def lone_percent(text: str) -> int:
    """Return where a text has a % that begins no macro, or -1."""
    blanked = _TEXT_AROUND.sub(lambda match: " " * len(match[0]), text)
    return blanked.find("%")
