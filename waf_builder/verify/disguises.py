"""What attackers do to a text so that it looks like another one, and transformations undo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random


def disguised(text: str, undone: Sequence[str], random: Random) -> str:
    """Return a text as one of the transformations undoes it, with those that run before it."""
    known = [each for each in undone if each in DISGUISES]
    if not known:
        return text
    chosen = random.choice(known)
    found = DISGUISES[chosen](text, random.randint(0, len(text)))
    before = undone[: undone.index(chosen)]
    if chosen in _BY_BACKSLASH and _BY_BACKSLASH.intersection(before) - {chosen}:
        return found.replace("\\", "\\\\")  # the one before would decode what follows a single one
    if chosen == "removenulls" and "urldecodeuni" in before:
        return found.replace("\0", "%00")  # utf8toUnicode takes null bytes away, too
    return found


_BY_BACKSLASH = frozenset({"jsdecode", "cssdecode"})


def _inserted(what: str) -> Callable[[str, int], str]:
    return lambda text, at: text[:at] + what + text[at:]


def _written(form: str) -> Callable[[str, int], str]:
    """Return what writes one character by its number."""

    def write(text: str, at: int) -> str:
        return text[:at] + form.format(ord(text[at])) + text[at + 1 :] if at < len(text) else text

    return write


def _replaced(old: str, new: str) -> Callable[[str, int], str]:
    return lambda text, _at: text.replace(old, new)


DISGUISES: dict[str, Callable[[str, int], str]] = {
    "cmdline": _inserted("^"),
    "compresswhitespace": _replaced(" ", "  "),
    "cssdecode": _written("\\{:x} "),
    "htmlentitydecode": _written("&#x{:x};"),
    "jsdecode": _written("\\u{:04x}"),
    "lowercase": lambda text, _at: text.swapcase(),
    "normalisepath": _replaced("/", "/./"),
    "normalizepath": _replaced("/", "/./"),
    "normalizepathwin": _replaced("/", "\\"),
    "removecommentschar": _inserted("/*"),
    "removenulls": _inserted("\0"),
    "removewhitespace": _inserted(" "),
    "replacecomments": _replaced(" ", "/**/"),
    "urldecode": _written("%{:02x}"),
    "urldecodeuni": _written("%u{:04x}"),
    "utf8tounicode": lambda text, at: text[:at] + _wide(text[at : at + 1]) + text[at + 1 :],
}
"""By the transformation that undoes each: what it makes of a text and a place in it."""


def _wide(character: str) -> str:
    """Return the full-width form of an ASCII character, which best-fit tables map back."""
    return chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character
