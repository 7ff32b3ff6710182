"""What is told of a request: on one line, and without the values that look like secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

from waf_builder.inspect.request import HttpRequest
from waf_builder.inspect.secret import HIDDEN, LOOKS_SECRET, Secrets

_USER = re.compile(r"(://[^/@:\s]*:)[^/@\s]*(?=@)")
_PAIRS = (
    re.compile(r"(?:^(?P<first>[^=&?/;\s]*)|[?&](?P<name>[^=&?/;]*))=(?P<value>[^&]+)"),
    re.compile(r";(?P<name>[^=;/?&]*)=(?P<value>[^;/?&]+)"),
    re.compile(r'"(?P<name>[^"]*)"\s*:\s*(?P<value>"(?:[^"\\]|\\.)*"?|[^,}\s"]+)'),
)
"""A pair of a query or a form, a parameter of a path, a member of JSON."""
_HEX = re.compile(r"(?:\\x[89a-f][0-9a-f])+")
"""How libmodsecurity writes bytes that are not ASCII."""
_SHOWN = 60
_READ = 4096
"""Of a value, to find what of it is shown."""


def target(request: HttpRequest) -> str:
    r"""Return path and query of a request; a byte that is no UTF-8 is written as `\xff`."""
    return masked(printable(_text(request.target)))


def name(request: HttpRequest) -> str:
    """Return how a request is called."""
    return words(request.name)


def words(text: str) -> str:
    """Return a text that may hold a URL."""
    return masked(printable(text))


def value(where: str, text: str, secrets: Secrets) -> str:
    """Return what matched in a variable of a request, shortened; where: its name."""
    if not text:
        return ""
    if LOOKS_SECRET.search(where):
        return f"({len(text)} characters, not shown)"
    whole = masked(printable(secrets.hide(_HEX.sub(_decoded, text[:_READ]))))
    return whole if len(whole) <= _SHOWN else f"{whole[: _SHOWN - 1]}…"


def printable(text: str) -> str:
    """Return a text in which a character that cannot be seen is written as its number."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )


def _text(wire: str) -> str:
    try:
        return wire.encode("latin-1").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:
        return wire


def _decoded(found: re.Match[str]) -> str:
    data = bytes.fromhex(found[0].replace("\\x", ""))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return found[0]


def masked(text: str) -> str:
    """Return a text without the values of pairs in it that look like secrets."""
    text = _USER.sub(rf"\1{HIDDEN}", text)
    for pair in _PAIRS:
        text = "".join(_hidden(pair, text))
    return text


def _hidden(pair: re.Pattern[str], text: str) -> Iterator[str]:
    at = 0
    while found := pair.search(text, at):
        start, end = found.span("value")
        name = found["name"] or found.groupdict().get("first") or ""
        secret = LOOKS_SECRET.search(unquote_plus(name))
        yield text[at:start]
        if secret:
            yield HIDDEN
        # A value that may be seen can have pairs in it.
        at = end if secret else start
    yield text[at:]
