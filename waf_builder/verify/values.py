"""Names and values of a generated request: words of people, attacks, and words of the rules."""

from __future__ import annotations

from random import Random

from waf_builder.verify.disguises import DISGUISES, disguised
from waf_builder.verify.samples import PLAIN, expression
from waf_builder.verify.words import Words

_STRANGE = (0.3, 0.6, 1.0)
"""How many of a request's values are strange: the fewer are, the less of it hides a fault."""

_ONLY = 0.3
"""How many requests have one strange value: any other that a screen minds would hide a fault."""

_BETWEEN = (" ", " ", " ", ", ", ",", ".", "-", "_", "/", ": ", "=", "")
_PLAIN_BETWEEN = tuple(each for each in _BETWEEN if PLAIN.issuperset(each))
_TRIES = 4


class Values:
    """What one request is made of.

    number: of the request; they go through the expressions and the lists of the rules in turn.
    plain: whether its strange values are to be made of letters, digits and a few signs as far as
    they can, which compiled rules judge in another way than the rest.
    """

    def __init__(self, random: Random, words: Words, number: int) -> None:
        self._expression = words.expressions[number % len(words.expressions)]
        self._list = words.listed[number % len(words.listed)]
        self._random = random
        self._words = words
        self._pick = random.choice
        self._strange = random.choice(_STRANGE)
        self._until_only = self._pick((0, 0, 1, 2)) if self.chance(_ONLY) else None
        self.plain = self.chance(0.45)

    def chance(self, of: float) -> bool:
        """Return True so often."""
        return self._random.random() < of

    def name(self) -> str:
        """Return a name that rules know, in capitals at times."""
        words = self._words
        name = self._pick(words.excluded if self.chance(0.5) else words.names)
        return name if self.chance(0.8) else name.swapcase()

    def value(self) -> str:
        """Return a word of people, an attack, or something between the two."""
        if self._until_only is not None:
            self._until_only -= 1
            return self._disguised() if self._until_only == -1 else self._ordinary()
        if not self.chance(self._strange):
            return self._ordinary()
        if self.plain:
            return self._phrase()
        make = self._pick((self._attack, self._sample, self._disguised, self._listed, self._phrase))
        value = make()
        for _ in range(self._pick((0, 0, 0, 1, 1, 2))):
            value = self._changed(value)
        return value

    def _plainest(self, texts: tuple[str, ...]) -> str:
        """Return a text, one without signs if that is wanted and some tries find it."""
        found = self._pick(texts)
        for _ in range(_TRIES if self.plain else 0):
            if PLAIN.issuperset(found):
                break
            found = self._pick(texts)
        return found

    def _ordinary(self) -> str:
        return self._plainest(self._words.ordinary)

    def _attack(self) -> str:
        return self._pick(self._words.attacks)

    def _sample(self) -> str:
        return expression(self._expression).sample(self._random, plain=self.plain)

    def _disguised(self) -> str:
        """Return a text that its expression matches once it is decoded, or matches no more."""
        undone = self._words.decoded.get(self._expression, ())
        return disguised(self._sample(), undone, self._random)

    def _listed(self) -> str:
        return self._plainest(self._list)

    def _phrase(self) -> str:
        """Return a text of the rules, alone or with other words."""
        between = self._pick(_PLAIN_BETWEEN if self.plain else _BETWEEN)
        makes = [self._pick((self._sample, self._sample, self._listed))]
        makes += [
            self._pick((self._ordinary, self._listed)) for _ in range(self._pick((0, 0, 1, 2)))
        ]
        self._random.shuffle(makes)
        text = between.join(make() for make in makes)
        return text if self.chance(0.9) else text.swapcase()

    def _changed(self, value: str) -> str:
        at = self._random.randint(0, len(value))
        return self._pick((
            self._pick(list(DISGUISES.values()))(value, at),
            value[:at] + self._pick("%'\"<> /*;|&\\`$({[=\t\u00a0") + value[at:],
            value[:at] + value[at + 1 :],
            value + self._pick(self._words.attacks),
            f"{self._pick(self._words.ordinary)} {value}",
            "".join(f"%{byte:02x}" for byte in value.encode("utf-8", "surrogateescape")),
        ))  # fmt: skip
