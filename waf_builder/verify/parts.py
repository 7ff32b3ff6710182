"""A request as its parts: what stands in its path, query, cookies, headers and body."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from xml.sax.saxutils import escape, quoteattr

from waf_builder.verify.wire import (
    BOUNDARY,
    NOT_IN_A_LINE,
    SAFE,
    Place,
    Request,
    encoded,
    request_of,
)

AGENT = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/128.0"
KINDS = {
    "form": "application/x-www-form-urlencoded",
    "json": "application/json",
    "parts": f"multipart/form-data; boundary={BOUNDARY}",
    "xml": "text/xml",
    "text": "text/plain",
}
"""The `Content-Type` of each kind of body."""

OF_FIELDS = ("form", "json", "parts")
"""Kinds of body that hold names and values."""

_BETWEEN_COOKIES = ("; ", "; ", ";", ";;", ", ", " ; $Path=/; ")
_NESTED: tuple[tuple[str, ...], ...] = ((), ("a",), ("a", "b"))


@dataclass
class Parts:
    """What a request is made of; all that is not set is ordinary.

    kind: of the body; None without one. text: the whole body, if it is not made of other parts.
    xml: an attribute's value, and a text. part: another header of each part of a form.
    """

    random: Random
    kind: str | None = None
    path: str = ""
    query: str = ""
    pairs: list[tuple[str, str]] = field(default_factory=list)
    cookies: list[tuple[str, str]] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)
    file: tuple[str, str] | None = None
    part: str = ""
    text: str = ""
    xml: tuple[str, str] = ("", "")

    def written(self, place: Place, number: int) -> Request:
        """Return the request."""
        headers = [("Host", place.host)]
        named = {name.lower() for name, _ in self.headers}
        if "user-agent" not in named:
            headers.append(("User-Agent", AGENT))
        headers += [("Accept", "*/*"), *self.headers]
        if self.cookies:
            written = (f"{name}={self._in_cookie(value)}" for name, value in self.cookies)
            headers.append(("Cookie", self.random.choice(_BETWEEN_COOKIES).join(written)))
        if self.kind is None:
            return request_of(number, "GET", self._target(place), headers, b"")
        body = (self.text or _BODIES[self.kind](self)).encode("utf-8", "surrogateescape")
        if "content-type" not in named:
            headers.append(("Content-Type", self._type()))
        headers.append(("Content-Length", str(len(body))))
        method = self.random.choice(("POST", "POST", "PUT"))
        return request_of(number, method, self._target(place), headers, body)

    def _type(self) -> str:
        kind = KINDS[self.kind or "text"]
        if self.kind == "parts":
            return kind
        return self.random.choice((kind, kind, kind, kind.title(), f"{kind}; charset=UTF-8"))

    def _target(self, place: Place) -> str:
        path = place.path
        if self.path:
            path = f"{path.rstrip('/')}/{encoded(self.path, self.random.choice(SAFE))}"
        query = self.query or self._form(self.pairs)
        return f"{path}?{query}" if query else path

    def _in_cookie(self, value: str) -> str:
        if self.random.random() < 0.7:  # noqa: PLR2004
            return encoded(value, self.random.choice(SAFE))
        return value.replace(";", ",")

    def _form(self, pairs: list[tuple[str, str]]) -> str:
        safe = self.random.choice(SAFE)
        return "&".join(f"{encoded(name, safe)}={encoded(value, safe)}" for name, value in pairs)

    def as_form(self) -> str:
        """Return the fields as a form."""
        return self._form(self.fields)

    def as_json(self) -> str:
        """Return the fields as a document, some way down in it."""
        value: object = dict(self.fields)
        for name in self.random.choice(_NESTED):
            value = {name: self.random.choice((value, [value, 1]))}
        return json.dumps(value, ensure_ascii=self.random.choice((True, False)))

    def as_parts(self) -> str:
        """Return the fields and the file as a form of parts."""
        parts = [(f'name="{_quoted(name)}"', value) for name, value in self.fields]
        if self.file:
            name, file = map(_quoted, self.file)
            parts.append((f'name="{name}"; filename="{file}"', "x"))
        extra = f"\r\n{self.part}" if self.part else ""
        return multipart((named, extra, value) for named, value in parts or [('name="q"', "1")])

    def as_xml(self) -> str:
        """Return a document with an attribute and a text."""
        return xml_document(*self.xml)


_BODIES: Mapping[str, Callable[[Parts], str]] = {
    "form": Parts.as_form,
    "json": Parts.as_json,
    "parts": Parts.as_parts,
    "xml": Parts.as_xml,
    "text": Parts.as_form,
}


def multipart(parts: Iterable[tuple[str, str, str]]) -> str:
    """Return a form of parts: for each its name, further header lines, and what it holds."""
    written = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {named}{extra}\r\n\r\n{value}\r\n"
        for named, extra, value in parts
    )
    return "".join(written) + f"--{BOUNDARY}--\r\n"


def xml_document(attribute: str, text: str) -> str:
    """Return a document with an attribute and a text; it has no control characters."""
    attribute, text = (each.translate(NOT_IN_A_LINE) for each in (attribute, text))
    return f"<a b={quoteattr(attribute)}><c>{escape(text)}</c></a>"


def _quoted(text: str) -> str:
    return text.replace('"', "%22").translate(NOT_IN_A_LINE)
