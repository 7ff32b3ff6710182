"""One word of SecLang and what libmodsecurity 3 does with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar


class Support(Enum):
    """What libmodsecurity 3 does with a word."""

    WORKS = "works"
    IGNORED = "ignored"
    """Loads, and has no effect."""
    REFUSED = "refused"
    """The rules do not load; nginx does not start."""


@dataclass(frozen=True)
class Word:
    """A word, whether it works, and what to say when it does not.

    why: why it is refused or has no effect, half a sentence.
    instead: what to write; empty where there is nothing.
    since: the first libmodsecurity 3 that knows it; empty for all that are still in use.
    example: a value with which it loads (or, if refused, is refused only for itself).
    """

    name: str
    support: Support = Support.WORKS
    why: str = ""
    instead: str = ""
    since: tuple[int, ...] = ()
    example: str = ""


AnyWord = TypeVar("AnyWord", bound=Word)


def by_name(words: Iterable[AnyWord]) -> dict[str, AnyWord]:
    """Return the words by their name in small letters; ValueError when one is there twice."""
    table: dict[str, AnyWord] = {}
    for word in words:
        if word.name.lower() in table:
            raise ValueError(f"{word.name} is in the table twice")
        table[word.name.lower()] = word
    return table
