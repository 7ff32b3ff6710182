"""Requests made up from a seed: ordinary ones, attacks and everything in between.

Each holds one or a few strange values, so that a request that shows a difference is short, and
that a rule which both find does not hide one that only one of them finds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from waf_builder.verify.values import Values
from waf_builder.verify.words import HEADERS, Words

NUMBER_HEADER = "X-Waf-Verify"
"""Says which request a record is about."""

_METHODS = ("GET",) * 8 + ("POST",) * 8 + ("PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")
_BODIES = frozenset({"POST", "PUT", "PATCH"})
_TYPES = ("text/plain", "application/octet-stream", "text/csv", "application/ld+json", "a/b; c=d")
_BOUNDARY = "----b0undary"
_SAFE = ("", "/", "/=&'()*;:@!,")
_NOT_IN_A_LINE = str.maketrans(dict.fromkeys(range(0x20)) | {0x7F: None})


@dataclass(frozen=True)
class Place:
    """Where requests go: a host name, and the path of a route."""

    host: str
    path: str


@dataclass(frozen=True)
class Request:
    """One request, as it goes over the wire."""

    number: int
    data: bytes
    method: str


class Generator:
    """Makes up requests; the same ones for the same seed, words and places."""

    def __init__(self, seed: int, words: Words, places: Sequence[Place]) -> None:
        self._seed = seed
        self._words = words
        self._places = places

    def requests(self, count: int) -> Iterator[Request]:
        """Yield so many requests; any of them can be made again by its number."""
        for number in range(1, count + 1):
            yield self.request(number)

    def plain(self, number: int) -> Request:
        """Return a request that no rule minds."""
        place = self._places[0]
        lines = ["GET / HTTP/1.1", f"Host: {place.host}", f"{NUMBER_HEADER}: {number}", "", ""]
        return Request(number, "\r\n".join(lines).encode(), "GET")

    def request(self, number: int) -> Request:
        """Return one request."""
        random = Random(f"{self._seed}/{number}")  # noqa: S311  to be repeated, not to be secret
        return _Draft(random, self._words, self._places, number).made()


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
        agent = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"
        headers.append(("User-Agent", agent if self._chance(0.9) else self._value()))
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
        headers.append((NUMBER_HEADER, str(self._number)))
        lines = [f"{method} {self._target()} HTTP/1.1"]
        lines += [f"{name}: {value.translate(_NOT_IN_A_LINE)}" for name, value in headers]
        head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
        return Request(self._number, head + body, method)

    def _target(self) -> str:
        path = self._place.path
        for _ in range(self._pick((0, 0, 1, 1, 2))):
            part = self._encoded(self._value()) if self._chance(0.4) else self._ordinary_part()
            path = f"{path.rstrip('/')}/{part}"
        query = f"?{self._pairs()}" if self._chance(0.4 if self._has_body else 0.8) else ""
        return (path + query).translate(_NOT_IN_A_LINE).replace(" ", "+")

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
        return "application/x-www-form-urlencoded", self._pairs()

    def _json(self) -> tuple[str, str]:
        value = {self._name(): self._value(), self._value(): [self._value(), 1]}
        text = json.dumps(value, ensure_ascii=self._chance(0.5))
        return "application/json", text if self._chance(0.95) else text[:-1]

    def _xml(self) -> tuple[str, str]:
        values = [self._value().translate(_NOT_IN_A_LINE) for _ in range(2)]
        return "text/xml", f"<a b={quoteattr(values[0])}><c>{escape(values[1])}</c></a>"

    def _parts(self) -> tuple[str, str]:
        named = f'name="{self._name()}"'
        if self._chance(0.5):
            named += '; filename="{}"'.format(self._value().replace('"', ""))
        typed = "\r\nContent-Type: text/plain; charset=x" if self._chance(0.2) else ""
        text = (
            f"--{_BOUNDARY}\r\nContent-Disposition: form-data; {named}{typed}\r\n\r\n"
            f"{self._value()}\r\n--{_BOUNDARY}--\r\n"
        )
        return f"multipart/form-data; boundary={_BOUNDARY}", text

    def _other(self) -> tuple[str, str]:
        return self._pick((*_TYPES, self._value())), self._value()

    def _encoded(self, value: str) -> str:
        return quote(value, safe=self._pick(_SAFE), errors="surrogateescape")
