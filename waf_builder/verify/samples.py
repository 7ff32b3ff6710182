"""Texts that the expressions of rules match, or nearly match."""

from __future__ import annotations

import re
import string
import warnings
from collections.abc import Iterable, Mapping
from functools import cache
from random import Random
from typing import Any

from waf_builder.crs.compile.plaintext import sre_parse  # type: ignore[attr-defined]

PLAIN = frozenset(string.ascii_letters + string.digits + " _,.-/")
"""What ordinary names, values and paths consist of; not taken from the compiler it is to prove."""

_MOST_TIMES = 40
_AS_PYTHON_SAYS = ((re.compile(r"\\x\{([0-9a-f]{2})\}"), r"\\x\1"), (re.compile(r"\\z"), r"\\Z"))
_WORD = re.compile(r"[A-Za-z_]{3,}")
_PRINTABLE = "".join(map(chr, range(0x20, 0x7F)))
_OF_CATEGORY: Mapping[str, str] = {
    "CATEGORY_SPACE": " \t",
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_WORD": "aZ1_",
    "CATEGORY_NOT_SPACE": "a1-/<'",
    "CATEGORY_NOT_DIGIT": "a -/<'",
    "CATEGORY_NOT_WORD": " -/.,<'",
}
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})


@cache
def expression(pattern: str) -> Expression:
    """Return an expression, which is read once."""
    return Expression(pattern)


class Expression:
    """An expression, and texts for it."""

    def __init__(self, pattern: str) -> None:
        self._words = _WORD.findall(pattern) or [""]
        for written, meant in _AS_PYTHON_SAYS:
            pattern = written.sub(meant, pattern)
        self._signs: dict[int, int] = {}
        self._parsed: Any = None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._parsed = sre_parse.parse(pattern, re.MULTILINE | re.DOTALL)
        except (re.error, RecursionError, OverflowError):
            pass  # then its words have to do

    def sample(self, random: Random, *, plain: bool) -> str:
        """Return a text that it matches; where Python cannot read it, a word of it.

        plain: with as few signs as can be, apart from the plain ones.
        """
        if self._parsed is None:
            return str(random.choice(self._words))
        return _Text(random, self.fewest if plain else None).of(self._parsed)

    def fewest(self, items: Any) -> int:
        """Return how many signs that are not plain a text for these items has at least."""
        if id(items) not in self._signs:
            self._signs[id(items)] = sum(self._of(str(name), each) for name, each in items)
        return self._signs[id(items)]

    def _of(self, name: str, argument: Any) -> int:
        if name in {"LITERAL", "IN"}:
            return int(not PLAIN.intersection(_choices(name, argument)))
        if name in _REPEATS:
            return int(argument[0]) * self.fewest(argument[2])
        if name == "BRANCH":
            return min(map(self.fewest, argument[1]))
        if name == "SUBPATTERN":
            return self.fewest(argument[3])
        return self.fewest(argument) if name == "ATOMIC_GROUP" else 0


class _Text:
    """One text in the making."""

    def __init__(self, random: Random, fewest: Any) -> None:
        self._random = random
        self._fewest = fewest
        self._groups: dict[int, str] = {}

    def of(self, items: Iterable[Any]) -> str:
        return "".join(self._item(str(name), argument) for name, argument in items)

    def _item(self, name: str, argument: Any) -> str:
        if name in {"LITERAL", "NOT_LITERAL", "ANY", "IN"}:
            found = _choices(name, argument)
            plain = [each for each in found if each in PLAIN] if self._fewest else []
            return str(self._random.choice(plain or found or "\u00e9"))
        if name in _REPEATS:
            least, most, repeated = argument
            more = 0 if self._fewest and self._fewest(repeated) else self._random.choice((0, 0, 1))
            return "".join(self.of(repeated) for _ in range(min(least + more, most, _MOST_TIMES)))
        if name == "BRANCH":
            branches = argument[1]
            if self._fewest:
                least = min(map(self._fewest, branches))
                branches = [each for each in branches if self._fewest(each) == least]
            return self.of(self._random.choice(branches))
        if name == "SUBPATTERN":
            self._groups[argument[0]] = text = self.of(argument[3])
            return text
        if name == "GROUPREF":
            return self._groups.get(argument, "")
        if name == "ASSERT" and argument[0] < 0:
            return self.of(argument[1])
        return self.of(argument) if name == "ATOMIC_GROUP" else ""  # else a place in the text


def _choices(name: str, argument: Any) -> str:
    """Return the characters that one item can stand for, or some of them."""
    if name == "LITERAL":
        return chr(argument)
    if name == "NOT_LITERAL":
        return _PRINTABLE.replace(chr(argument), "")
    if name == "ANY":
        return "a1 -"
    if name == "RANGE":
        return "".join(map(chr, range(argument[0], min(argument[1], 0xFF) + 1)))
    if name == "IN":
        negated = str(argument[0][0]) == "NEGATE"
        found = "".join(_choices(str(each), what) for each, what in argument[negated:])
        return "".join(c for c in _PRINTABLE if c not in found) if negated else found
    return _OF_CATEGORY.get(str(argument), "")
