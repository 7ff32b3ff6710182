"""A list of words as one regular expression.

libmodsecurity keeps a list as a tree of nodes, about 100 bytes for each character; the same list
takes a tenth of that as an expression, and can be joined with others.
"""

from __future__ import annotations

from functools import cache

from waf_builder.seclang import to_bytes

_Tree = dict[str, "_Tree"]
_AS_THEY_ARE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789 _-/,:;=<>@!&~'")


def in_file(text: str) -> list[str]:
    """Return the words of the file of a `@pmFromFile`: a line each, as libmodsecurity reads it."""
    return [line for line in text.split("\n") if line and not line.lstrip().startswith("#")]


def in_operator(text: str) -> list[str] | None:
    """Return the words of a `@pm`; None where some are written in another way."""
    return None if set(text) & set('|"\\;:') else text.split()


@cache  # of a list that a rule has, and its parts in each alphabet
def expression(words: tuple[str, ...]) -> str:
    """Return what matches wherever one of the words stands, in capitals or not.

    It can stand between double quotes in a rule. Empty without words.
    """
    tree: _Tree = {}
    last = ""
    for word in sorted({_letters(word) for word in words} - {""}):
        if last and word.startswith(last):  # where it stands, the shorter one does
            continue
        last = word
        at = tree
        for letter in word:
            at = at.setdefault(letter, {})
    return f"(?i:{_alternatives(tree)})" if tree else ""


def _letters(word: str) -> str:
    """Return the bytes of a word as characters, in small letters."""
    return "".join(chr(byte) for byte in to_bytes(word)).translate(_SMALL)


_SMALL = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}


def _alternatives(tree: _Tree) -> str:
    found = []
    for first, after in tree.items():
        text, rest = _sign(first), after
        while len(rest) == 1:
            ((letter, rest),) = rest.items()
            text += _sign(letter)
        found.append(text + (f"(?:{_alternatives(rest)})" if rest else ""))
    return "|".join(found)


def _sign(letter: str) -> str:
    return letter if letter in _AS_THEY_ARE else f"\\x{ord(letter):02x}"
