"""A list of words as one regular expression.

libmodsecurity keeps a list as a tree of nodes, about 100 bytes for each character; the same list
takes a tenth of that as an expression, and can be joined with others.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import groupby
from os.path import commonprefix

from waf_builder.seclang import to_bytes

_AS_THEY_ARE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789 _-/,:;=<>@!&~'")
_SIGNS = {byte: f"\\x{byte:02x}" for byte in range(256) if chr(byte) not in _AS_THEY_ARE}


def in_file(text: str) -> list[str]:
    """Return the words of the file of a `@pmFromFile`: a line each, as libmodsecurity reads it."""
    return [line for line in text.split("\n") if is_word(line)]


def is_word(line: str) -> bool:
    """Return whether a line of such a file is a word, and not empty or a comment."""
    return bool(line) and not line.lstrip().startswith("#")


def in_operator(text: str) -> list[str] | None:
    """Return the words of a `@pm`; None where some are written in another way."""
    return None if set(text) & set('|"\\;:') else text.split()


@cache  # of a list that a rule has, and its parts in each alphabet
def expression(words: tuple[str, ...]) -> str:
    """Return what matches wherever one of the words stands, in capitals or not.

    It can stand between double quotes in a rule. Empty without words.
    """
    kept: list[str] = []
    for word in sorted({letters(word) for word in words} - {""}):
        if not kept or not word.startswith(kept[-1]):  # where it stands, the shorter one does
            kept.append(word)
    return f"(?i:{_alternatives(kept)})" if kept else ""


def letters(word: str) -> str:
    """Return the bytes of a word as characters, in small letters, as the engine compares them."""
    return to_bytes(word).lower().decode("latin-1")


def _alternatives(words: Sequence[str]) -> str:
    """Return sorted words, none of which another one begins with, with what they share once."""
    found = []
    for _, group in groupby(words, lambda word: word[0]):
        alike = list(group)
        shared = commonprefix(alike)  # noqa: RUF071  of letters, as is meant
        text = shared.translate(_SIGNS)
        if len(alike) > 1:
            text += f"(?:{_alternatives([word[len(shared) :] for word in alike])})"
        found.append(text)
    return "|".join(found)
