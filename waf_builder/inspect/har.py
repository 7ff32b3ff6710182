"""A HAR file, as browsers save what they sent: https://w3c.github.io/web-performance/specs/HAR/Overview.html."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import quote_plus

from waf_builder.inspect.nesting import Shallow
from waf_builder.inspect.request import FORM, HttpRequest, RequestError, split_url, wire_text

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\r\n\0]")
_OTHER_SCHEME = re.compile(r"(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_NOT_SENT = frozenset({"content-length", "host", "connection", "transfer-encoding"})
"""Headers that are made anew for the request that is sent."""


def from_har(stream: BinaryIO, name: str) -> Iterator[HttpRequest]:
    """Yield each request of a HAR file, one at a time: the file may be larger than memory.

    Entries of other protocols are passed over. RequestError, with the number of the entry, for one
    that is no request, and where there is none at all.
    """
    found = False
    for number, entry in entries(stream, name):
        if not is_other(entry):
            found = True
            yield request_of(entry, f"{name}: entry {number}")
    if not found:
        raise RequestError(f"{name} has entries, but none with an http or https URL")


def is_other(entry: Any) -> bool:
    """Return whether an entry is of another protocol: a page's sockets, `data:` and extensions."""
    try:
        return _OTHER_SCHEME.match(entry["request"]["url"]) is not None
    except (KeyError, TypeError):
        return False


def entries(stream: BinaryIO, name: str) -> Iterator[tuple[int, Any]]:
    """Yield each entry of a HAR file with its number; memory is that of the largest.

    RequestError when it is no JSON or nested too deep, from there on, or holds no entries.
    """
    try:
        import ijson
    except ImportError:
        raise RequestError(
            "a HAR file is read with ijson, which is not installed\n"
            "    pip install 'waf-builder[inspect]'"
        ) from None
    number = 0
    try:
        for number, entry in enumerate(ijson.items(Shallow(stream, name), "log.entries.item"), 1):
            yield number, entry
    except (ijson.JSONError, UnicodeDecodeError) as error:
        where = f"after entry {number}" if number else "as far as its first entry"
        raise RequestError(f"{name} is not JSON {where}: {_first_line(error)}") from None
    if not number:
        raise RequestError(f"{name} has no log.entries, expected a HAR file")


def request_of(entry: Any, where: str) -> HttpRequest:
    """Return the request of an entry; RequestError when it has none that could be sent."""
    try:
        request = entry["request"]
        target, host = split_url(request["url"])
        headers = [(str(one["name"]), str(one["value"])) for one in request["headers"]]
        method = _METHOD.fullmatch(request["method"])
        body = _body(request.get("postData"))
        kept = [
            (wire_text(name), wire_text(value))
            for name, value in headers
            # HTTP/2's pseudo headers (":authority") are the request line and Host of HTTP/1.
            if not name.startswith(":") and name.lower() not in _NOT_SENT
        ]
    except RequestError as error:
        raise RequestError(f"{where}: {error}") from None
    except binascii.Error as error:
        raise RequestError(f"{where} has a body that is no base64: {error}") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise RequestError(
            f"{where} is not a request, expected `request` with `method`, `url` and `headers`"
        ) from None
    if method is None:
        raise RequestError(f"{where} has a method that is none: {request['method'][:40]!r}")
    for name, value in kept:
        if not _METHOD.fullmatch(name) or _CONTROL.search(value):
            raise RequestError(f"{where} has a header that cannot be sent: {name[:40]!r}")
    if body:
        kept.append(("Content-Length", str(len(body))))
    name = f"{method[0]} {request['url']}"
    return HttpRequest(method[0], target, (("Host", host), *kept), body, name=name)


def _body(post: Any) -> bytes:
    if not post:
        return b""
    if post.get("encoding") == "base64":
        return base64.b64decode(post["text"])
    if post.get("text"):
        return str(post["text"]).encode("utf-8", "surrogateescape")
    pairs = [
        f"{quote_plus(one['name'])}={quote_plus(one.get('value', ''))}"
        for one in post.get("params", ())
    ]
    return "&".join(pairs).encode() if str(post.get("mimeType", FORM)).startswith(FORM) else b""


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else "it ends too early"
