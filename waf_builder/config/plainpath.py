"""Paths that everybody reads alike: the only ones for which an exclusion for a path holds.

nginx chooses a route by the decoded path, the backend gets the path as it was sent, and
libmodsecurity before 3.0.12 takes an encoded `?` for the begin of the query (CVE-2024-1019). What
all three read alike has no `..`, no `//`, no `;`, no backslash, and nothing encoded that could
stand for one of them.
"""

from __future__ import annotations

import re

# Encoded: control characters, # % . / ; ? \, what some decoders take for them (overlong UTF-8,
# full-width forms), and bytes that are no UTF-8.
_NOT_ENCODED = r"[01]|2[35ef]|3[bf]|5c|7f|c[01]|e0%[89]|ef%bc|f0%8|f[5-9a-f]"
_LITERAL = r"[A-Za-z0-9._~!$&\x27()*+,=:@-]"
_ENCODED = f"%(?!(?i:{_NOT_ENCODED}))[0-9A-Fa-f]{{2}}"
# Some systems take "..", followed by spaces, for "..".
_NO_DOTS = "(?!(?:[.]|%20)+(?:[/?]|$))"
_END = "(?:[?]|$)"
PLAIN = rf"^(?:/{_NO_DOTS}(?:{_LITERAL}++|{_ENCODED})++)*+/?{_END}"
"""Such a path, as it is sent, and what may come after it."""

# The same in what Python knows before 3.11, too.
_PLAIN = re.compile(rf"(?:/{_NO_DOTS}(?:{_LITERAL}|{_ENCODED})+)*/?{_END}", re.ASCII)


def is_plain(target: str) -> bool:
    """Return whether everybody reads the path of a request target alike."""
    return _PLAIN.match(target) is not None
