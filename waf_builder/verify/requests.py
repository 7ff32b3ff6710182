"""Requests made up from a seed: ordinary ones, attacks and everything in between.

Each holds one or a few strange values, so that a request that shows a difference is short, and
that a rule which both find does not hide one that only one of them finds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Sequence
from random import Random

from waf_builder.verify.aimed import Aimed, put_into
from waf_builder.verify.aims import Aim
from waf_builder.verify.parts import AGENT, KINDS, multipart, xml_document
from waf_builder.verify.values import Values
from waf_builder.verify.wire import SAFE, Place, Request, encoded, request_of
from waf_builder.verify.words import HEADERS, Words

_AIMED = 2
"""One in so many requests is aimed at one rule and one place."""

_FOR_OTHERS = 4
"""One in so many of them, at a rule that is not in force: it may have been left out wrongly."""

_TWO = 0.15
"""How many of them are aimed at two rules."""

_CLOSE = 12
"""How far one is behind the other; most rules have five or six aims."""

_METHODS = ("GET",) * 8 + ("POST",) * 8 + ("PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
_BODIES = frozenset({"POST", "PUT", "PATCH"})
_TYPES = ("text/plain", "application/octet-stream", "text/csv", "application/ld+json", "a/b; c=d")


class Generator:
    """Makes up requests; the same ones for the same seed, words, places and rules.

    in_force: the numbers of the rules that are loaded.
    """

    def __init__(
        self, seed: int, words: Words, places: Sequence[Place], in_force: Container[int] = ()
    ) -> None:
        self._seed = seed
        self._words = words
        self._places = places
        aims = [aim for aim in words.aims if put_into(aim.where)]
        self._aims = [aim for aim in aims if aim.rule in in_force]
        self._others = [aim for aim in aims if aim.rule not in in_force]

    def requests(self, count: int) -> Iterator[Request]:
        """Yield so many requests; any of them can be made again by its number."""
        for number in range(1, count + 1):
            yield self.request(number)

    def plain(self, number: int) -> Request:
        """Return a request that no rule minds."""
        place = self._places[0]
        return request_of(number, "GET", "/", [("Host", place.host)], b"")

    def request(self, number: int) -> Request:
        """Return one request."""
        random = Random(f"{self._seed}/{number}")  # noqa: S311  to be repeated, not to be secret
        aims = self._aimed_at(number, random)
        if aims:
            return Aimed(random, self._words, aims).made(random.choice(self._places), number)
        return _Draft(random, self._words, self._places, number).made()

    def _aimed_at(self, number: int, random: Random) -> list[Aim]:
        """Return the aim whose turn it is, or two of them; none for other requests."""
        turn, left = divmod(number, _AIMED)
        rounds, to_others = divmod(turn, _FOR_OTHERS)
        aims, turn = (self._aims, turn - rounds) if to_others else (self._others, rounds)
        if left or not aims:
            return []
        behind = [random.randint(1, _CLOSE)] if random.random() < _TWO else []
        return [aims[(turn + each) % len(aims)] for each in (0, *behind)]


class _Draft:
    """One request in the making."""

    def __init__(self, random: Random, words: Words, places: Sequence[Place], number: int) -> None:
        self._random = random
        self._number = number
        self._place = random.choice(places)
        self._pick = random.choice
        values = Values(random, words, number)
        self._name, self._value, self._chance = values.name, values.value, values.chance

    def made(self) -> Request:
        method = self._pick(_METHODS)
        self._has_body = method in _BODIES
        headers = [("Host", self._place.host)]
        headers.append(("User-Agent", AGENT if self._chance(0.9) else self._value()))
        if self._chance(0.95):
            headers.append(("Accept", "*/*"))
        if self._chance(0.3):
            headers.append((self._pick(HEADERS), self._value()))
        if self._chance(0.4):
            headers.append(("Cookie", self._cookies()))
        body = b""
        if self._has_body:
            kind, text = self._body()
            body = text.encode("utf-8", "surrogateescape")
            if self._chance(0.97):
                headers.append(("Content-Type", kind))
            headers.append(("Content-Length", str(len(body))))
        return request_of(self._number, method, self._target(), headers, body)

    def _target(self) -> str:
        path = self._place.path
        for _ in range(self._pick((0, 0, 1, 1, 2))):
            part = self._encoded(self._value()) if self._chance(0.4) else self._ordinary_part()
            path = f"{path.rstrip('/')}/{part}"
        query = f"?{self._pairs()}" if self._chance(0.4 if self._has_body else 0.8) else ""
        return path + query

    def _ordinary_part(self) -> str:
        return self._pick(("api", "v1", "posts", "xhtml", "a.php", "index.html", "data", "on"))

    def _cookies(self) -> str:
        pairs = [
            f"{self._cookie_name()}={self._encoded(self._value())}"
            if self._chance(0.7)
            else f"{self._cookie_name()}={self._value()}".replace(";", ",")
            for _ in range(self._pick((1, 1, 2)))
        ]
        return "; ".join(pairs)

    def _cookie_name(self) -> str:
        return self._name() if self._chance(0.8) else re.sub("[;=]", ",", self._value())

    def _pairs(self) -> str:
        return "&".join(
            f"{self._encoded(self._name() if self._chance(0.7) else self._value())}"
            f"={self._encoded(self._value())}"
            for _ in range(self._pick((1, 1, 1, 2)))
        )

    def _body(self) -> tuple[str, str]:
        make = self._pick((self._form, self._form, self._json, self._xml, self._parts, self._other))
        return make()

    def _form(self) -> tuple[str, str]:
        return KINDS["form"], self._pairs()

    def _json(self) -> tuple[str, str]:
        value = {self._name(): self._value(), self._value(): [self._value(), 1]}
        text = json.dumps(value, ensure_ascii=self._chance(0.5))
        return KINDS["json"], text if self._chance(0.95) else text[:-1]

    def _xml(self) -> tuple[str, str]:
        return KINDS["xml"], xml_document(self._value(), self._value())

    def _parts(self) -> tuple[str, str]:
        named = f'name="{self._name()}"'
        if self._chance(0.5):
            named += '; filename="{}"'.format(self._value().replace('"', ""))
        typed = "\r\nContent-Type: text/plain; charset=x" if self._chance(0.2) else ""
        return KINDS["parts"], multipart([(named, typed, self._value())])

    def _other(self) -> tuple[str, str]:
        return self._pick((*_TYPES, self._value())), self._value()

    def _encoded(self, value: str) -> str:
        return encoded(value, self._pick(SAFE))
