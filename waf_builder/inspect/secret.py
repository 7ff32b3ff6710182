"""The values of a request whose names look like secrets, to be hidden wherever they turn up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from urllib.parse import unquote_plus, unquote_to_bytes

from waf_builder.inspect.request import HttpRequest

HIDDEN = "***"
"""Stands for a secret in a longer text."""
LOOKS_SECRET = re.compile(
    r"passw|passwd|pwd|secret|token|auth|session|cookie|api[-_]?key|credential|card|iban|cvv|otp",
    re.IGNORECASE,
)
"""Found in the name of a field, a header, a cookie, an element."""

_OMITTED = re.compile(r" \(\d+ characters omitted\)$")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&"))
_LEAST = 3
"""Characters of a secret: fewer stand in any text."""
_MOST = 200
"""Secrets of a request; with more of them, nothing of it is shown."""
_LONGEST = 10_000
"""Characters of a secret; the log quotes fewer."""


class Secrets:
    """What of a request must not be shown."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._found: list[str] | None = None

    def hide(self, text: str) -> str:
        """Return a text of the log without the secrets of the request."""
        secrets = self._values() if text else []
        if not secrets:
            return text
        if len(secrets) > _MOST:
            return HIDDEN
        for one in secrets:
            if one.lower() in text.lower():
                text = re.sub(re.escape(one), HIDDEN, text, flags=re.IGNORECASE)
        return _without_beginning(text, secrets)

    def _values(self) -> list[str]:
        """Return the secrets, the longest first; looked for once, when they are asked for."""
        if self._found is None:
            raw = (one for one in _values(self._request) if len(one) >= _LEAST)
            found = {text for one in islice(raw, _MOST + 1) for text in _forms(one)}
            self._found = sorted(found, key=lambda one: (-len(one), one))
        return self._found


def _without_beginning(text: str, secrets: list[str]) -> str:
    """Return a text without the beginning of a secret that was cut off at its end."""
    cut = _OMITTED.search(text)
    if cut is None:
        return text
    end = cut.start()
    shown = text[:end].lower()
    for one in secrets:
        for length in range(min(len(one) - 1, end), _LEAST - 1, -1):
            if shown.endswith(one[:length].lower()):
                return f"{text[: end - length]}{HIDDEN}{text[end:]}"
    return text


def _forms(value: bytes) -> Iterator[str]:
    """Yield a value as it was sent, and as a program reads it."""
    decoded = unquote_to_bytes(value.replace(b"+", b" "))
    for one in (value, decoded):
        text = one.decode("utf-8", "replace").strip()
        for entity, char in _ENTITIES:
            text = text.replace(entity, char)
        if "\\" in text:
            with suppress(ValueError):
                text = str(json.loads(f'"{text}"', strict=False))
        if len(text) >= _LEAST:
            yield text[:_LONGEST]


def _values(request: HttpRequest) -> Iterator[bytes]:
    for name, text in request.headers:
        value = text.encode("latin-1")
        if name.lower() == "cookie":
            yield from (pair.partition(b"=")[2].strip() for pair in value.split(b";"))
        elif LOOKS_SECRET.search(name):
            yield value
            yield value.partition(b" ")[2]  # behind `Bearer`
    yield from _pairs(request.target.partition("?")[2])
    if request.body:
        from waf_builder.inspect.secretbody import values_in

        yield from values_in(request.body, request.header("content-type").lower())


def _pairs(data: str) -> Iterator[bytes]:
    for pair in data.split("&"):
        name, _, value = pair.partition("=")
        if value and LOOKS_SECRET.search(unquote_plus(name)):
            yield value.encode("latin-1")
