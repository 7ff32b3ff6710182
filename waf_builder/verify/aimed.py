"""Requests that have what one rule looks for in one place where it looks, and nothing else.

What one rule finds hides that another one found nothing. So what a compiled rule set does wrong
with one of them, in one place, shows best where the others have nothing to find. Some have the
same for a rule that stands close behind it, which may see what the first one leaves behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from waf_builder.seclang import Variable
from waf_builder.verify.aims import Aim, Sought
from waf_builder.verify.disguises import disguised
from waf_builder.verify.parts import OF_FIELDS, Parts
from waf_builder.verify.places import PLACES, Put
from waf_builder.verify.samples import PLAIN, expression
from waf_builder.verify.wire import Place, Request, encoded
from waf_builder.verify.words import Words

_LENGTHS = (60,) * 6 + (300,) * 6 + (1500,) * 3 + (6000, 20_000)
"""Characters; the longest take the engine a hundred times as long as others."""

_HEADERS = ("User-Agent", "Referer", "X-Any")
_TRIES = 6


def put_into(where: Variable) -> Put | None:
    """Return what puts a text where a rule looks; None where a request has no such place."""
    return PLACES.get(str(where)) or PLACES.get(where.collection)


class Aimed:
    """One request in the making, for the rule of an aim, or for two."""

    def __init__(self, random: Random, words: Words, aims: Sequence[Aim]) -> None:
        self._random = random
        self._words = words
        self._aims = aims
        self._pick = random.choice

    def made(self, place: Place, number: int) -> Request:
        """Return the request."""
        parts = Parts(self._random, self._pick((None, *OF_FIELDS)))
        for where, text in (found for aim in self._aims for found in self._texts(aim)):
            put = put_into(where)
            if put:
                put(parts, self._name(where), self._shaped(text))
        return parts.written(place, number)

    def _texts(self, aim: Aim) -> list[tuple[Variable, str]]:
        """Return what each rule of a chain looks for, and where."""
        first, *chained = aim.sought
        found = [(aim.where, self._text(first))]
        for sought in chained:
            text = self._text(sought)
            if sought.in_what_matched:
                where, last = found.pop()
                found.append((where, self._pick((last + text, text + last, f"{last} {text}"))))
                continue
            places = [each for each in sought.where if put_into(each)]
            if places:
                found.append((self._pick(places), text))
        return found

    def _text(self, sought: Sought) -> str:
        """Return something that a rule finds, disguised at times in a way that it undoes."""
        plain = self._chance(0.5)
        if sought.expression:
            text = expression(sought.expression).sample(self._random, plain=plain)
        else:
            texts = sought.listed or self._words.attacks
            text = self._pick(texts)
            for _ in range(_TRIES if plain else 0):
                text = text if PLAIN.issuperset(text) else self._pick(texts)
        return disguised(text, sought.undone, self._random) if self._chance(0.4) else text

    def _shaped(self, text: str) -> str:
        """Return the text, one that is nearly it, or one that has it among others."""
        if self._chance(0.5):
            return text
        at = self._random.randint(0, len(text))
        word = self._pick(self._words.ordinary)
        length = self._pick(_LENGTHS)
        return self._pick((
            text.swapcase(),
            text.upper(),
            text[:at] + "\0" + text[at:],
            text[:at] + "\udcff" + text[at:],
            text[:at] + text[at + 1 :],
            text[:at],
            text[at:],
            f"{word} {text}",
            f"{text} {word}",
            f"{word}{text}",
            f"{text}{word}",
            f"{word}\n{text}\n{word}",
            f"{text}{text}",
            encoded(text, ""),
            f"{word} " * (length // len(f"{word} ")) + text,
            text + "a" * length,
            text[:at] + text[at : at + 1] * length + text[at:],
        ))  # fmt: skip

    def _name(self, where: Variable) -> str:
        """Return a name that a variable list means, or any that has no meaning for most rules."""
        if where.pattern:
            return expression(where.pattern).sample(self._random, plain=True)
        if where.selector:
            return where.selector.strip("'")
        if where.collection == "REQUEST_HEADERS":
            return self._pick(_HEADERS)
        if self._chance(0.3):
            return self._pick(self._words.names)
        return self._pick(self._words.excluded) if self._chance(0.2) else "q"

    def _chance(self, of: float) -> bool:
        return self._random.random() < of
