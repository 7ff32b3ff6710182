"""The values of a body whose names look like secrets: of a form, parts, JSON and XML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from waf_builder.inspect.secret import LOOKS_SECRET

_NAME = re.compile(LOOKS_SECRET.pattern.encode(), re.IGNORECASE)
_JSON = re.compile(
    rb'"((?:[^"\\]|\\.){1,200})"\s{0,20}:\s{0,20}(?:"((?:[^"\\]|\\.)*)|([^\s,\]}"\[{]+))'
)
_ELEMENT = re.compile(rb"<([A-Za-z_][\w.:-]{0,200})([^<>]{0,2000})>")
_ATTRIBUTE = re.compile(rb"([A-Za-z_][\w.:-]{0,200})\s{0,20}=\s{0,20}(?:\"([^\"]*)|'([^']*))")
_TAG = re.compile(rb"<!\[CDATA\[|\]\]>|<[^<>]*>")
_PART = re.compile(rb"\bname=(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_PART_HEAD = re.compile(rb"\r?\n\r?\n")
_WINDOW = 10_000
"""Bytes in which a secret ends: a text of many beginnings is not looked through for each."""


def values_in(body: bytes, kind: str) -> Iterator[bytes]:
    """Yield the values as they were sent; kind: the type of the body, in small letters."""
    if "multipart/" in kind:
        yield from _parts(body)
    elif "xml" in kind or body.lstrip()[:1] == b"<":
        yield from _elements(body)
    else:
        yield from _pairs(body)
        if _NAME.search(body):
            members = (one for one in _JSON.finditer(body) if _NAME.search(one[1]))
            yield from (one[2] or one[3] or b"" for one in members)


def _pairs(data: bytes) -> Iterator[bytes]:
    for pair in data.split(b"&"):
        name, _, value = pair.partition(b"=")
        if value and _NAME.search(unquote_to_bytes(name[:_WINDOW])):
            yield value


def _parts(body: bytes) -> Iterator[bytes]:
    for found in _PART.finditer(body):
        if not _NAME.search(found[1] or found[2]):
            continue
        head = _PART_HEAD.search(body, found.end(), found.end() + _WINDOW)
        if head:
            end = body.find(b"\n--", head.end() - 1, head.end() + _WINDOW)
            yield body[head.end() : end if end >= 0 else head.end() + _WINDOW]


def _elements(body: bytes) -> Iterator[bytes]:
    for found in _ELEMENT.finditer(body):
        for one in _ATTRIBUTE.finditer(found[2]):
            if _NAME.search(one[1]):
                yield one[2] or one[3] or b""
        if _NAME.search(found[1]) and not found[2].endswith(b"/"):
            start = found.end()
            end = body.find(b"</" + found[1], start, start + _WINDOW)
            inner = body[start : end if end >= 0 else start + _WINDOW]
            yield from _TAG.split(inner)
