"""A test's request as bytes, put together as the project's own runner (go-ftw) does."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

from waf_builder.suite.ftw import Input

FORM = "application/x-www-form-urlencoded"

_LINE_FEED = re.compile(rb"(?<!\r)\n")
_HAS_BODY = {"POST", "PUT", "PATCH", "DELETE"}


def encode(given: Input) -> bytes:
    """Return the bytes to send."""
    if given.raw is not None:
        return given.raw
    headers, data = list(given.headers), given.data
    if given.completes and data:
        if not _all(headers, "content-type"):
            headers.append(("Content-Type", FORM))
        if FORM in _all(headers, "content-type"):
            data = _encode_form(data)
    if any("multipart/form-data;" in value for value in _all(headers, "content-type")):
        data = _LINE_FEED.sub(b"\r\n", data)
    if given.completes:
        if not _all(headers, "connection"):
            headers.append(("Connection", "close"))
        if not _all(headers, "content-length") and (data or given.method in _HAS_BODY):
            headers.append(("Content-Length", str(len(data))))
    lines = [f"{given.method} {given.uri} {given.version}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


def _all(headers: list[tuple[str, str]], name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]


def _encode_form(data: bytes) -> bytes:
    """Encode names and values, unless something in the data is encoded already."""
    if b"%" in data or b"+" in data:
        return data
    pairs = (pair.partition(b"=") for pair in data.split(b"&"))
    encoded = (quote_plus(name) + mark.decode() + quote_plus(value) for name, mark, value in pairs)
    return "&".join(encoded).encode()
