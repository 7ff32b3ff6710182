"""Requests as they go over the wire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

NUMBER_HEADER = "X-Waf-Verify"
"""Says which request a record is about."""

BOUNDARY = "----b0undary"
NOT_IN_A_LINE = str.maketrans(dict.fromkeys(range(0x20)) | {0x7F: None})
SAFE = ("", "/", "/=&'()*;:@!,")
"""What is not encoded, in one way of encoding."""


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


def request_of(
    number: int, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes
) -> Request:
    """Return a request with these headers, and the one that names it."""
    lines = [f"{method} {target.translate(NOT_IN_A_LINE).replace(' ', '+')} HTTP/1.1"]
    named = [*headers, (NUMBER_HEADER, str(number))]
    lines += [f"{name}: {value.translate(NOT_IN_A_LINE)}" for name, value in named]
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    return Request(number, head + body, method)


def encoded(value: str, safe: str) -> str:
    """Return a value as a part of a target or of a form."""
    return quote(value, safe=safe, errors="surrogateescape")
