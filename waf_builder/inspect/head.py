"""A request as nginx reads it, before it has a location: or the status with which it refuses."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from waf_builder.inspect.request import HOST, Headers, HttpRequest
from waf_builder.inspect.uri import UriError, normalized

_METHOD = re.compile(r"[A-Z_-]+")
_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")
_NAME = re.compile(r"[A-Za-z0-9-]+")
"""What nginx keeps of headers without `underscores_in_headers`; others are passed over."""
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
_LINE = 16 * 1024
_LINES = 8
"""`large_client_header_buffers`: so long may a line be, and so many such lines there may be."""
_ONCE = frozenset(
    {
        "authorization",
        "content-length",
        "content-range",
        "expect",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "transfer-encoding",
    }
)
"""Headers that nginx takes once: `ngx_http_process_unique_header_line` in ngx_http_request.c."""
_HTTP_1_1 = (1, 1)


class Refused(Exception):  # noqa: N818  an answer, not an error
    """nginx answers with this status, and no rule has seen the request."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Unclear(Exception):  # noqa: N818  an answer, not an error
    """What becomes of the request depends on more than is known here; the message says on what."""


@dataclass(frozen=True)
class Head:
    """What nginx has read. All text is one character a byte.

    uri: path and query as sent. path: decoded and normalized. host: in small letters, without
    port, empty without one. body_type: of a body, None without one. chunked: whether its length
    was not announced.
    """

    method: str
    uri: str
    path: str
    host: str
    http_host: str
    version: str
    headers: Headers
    body: bytes
    body_type: str | None
    chunked: bool


def read_head(request: HttpRequest) -> Head:
    """Return what nginx reads of a request; raises Refused or Unclear.

    As nginx 1.21.1 and newer do: https://nginx.org/en/CHANGES
    """
    uri, named = _target(request)
    version = _version(request.version)
    headers = _headers(request.headers)
    _require_once(headers)
    given = {name.lower(): value for name, value in reversed(headers)}
    host = _host(named if named is not None else given.get("host"), version)
    if named is not None and "host" in given:
        _host(given["host"], version)
    body, chunked = _body(request, given, version)
    if request.method == "TRACE":
        raise Refused(405)
    try:
        path = normalized(uri)
    except UriError:
        raise Refused(400) from None
    has_body = chunked or bool(given.get("content-length", "").lstrip("0"))
    return Head(
        method=request.method,
        uri=uri,
        path=path,
        host=host,
        http_host=given.get("host", ""),
        version=request.version,
        headers=headers,
        body=body,
        body_type=given.get("content-type", "") if has_body else None,
        chunked=chunked,
    )


def _target(request: HttpRequest) -> tuple[str, str | None]:
    """Return path and query, and the host of a target that names one."""
    line = f"{request.method} {request.target} HTTP/{request.version}\r\n"
    if not _METHOD.fullmatch(request.method) or _CONTROL.search(request.target):
        raise Refused(400)
    if len(line) > _LINE:
        raise Refused(414)
    if request.method == "CONNECT":
        raise Unclear("the method CONNECT")
    if request.target.startswith("/"):
        return request.target, None
    found = _ABSOLUTE.fullmatch(request.target)
    if found is None:
        raise Refused(400)
    if not found[2].startswith("/"):
        raise Unclear("a target that names a host and no path")
    return found[2], found[1].lower()


def _version(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9][0-9]*)(?:\.([0-9]{1,2}))?.*", text)
    if found is None:
        raise Refused(400)
    if int(found[1]) > 1:
        raise Refused(505)
    if found[2] is None or found[0] != f"{found[1]}.{found[2]}":
        raise Refused(400)
    return int(found[1]), int(found[2])


def _headers(given: Headers) -> Headers:
    size = 0
    kept = []
    for name, value in given:
        line = len(name) + len(value) + 4
        size += line
        if line > _LINE or size > _LINE * (_LINES - 1) or "\0" in value or not name:
            raise Refused(400)
        if _CONTROL.search(name) or "\n" in value or "\r" in value:
            raise Unclear("a header with a control character")
        if _NAME.fullmatch(name):
            kept.append((name, value.strip(" ")))
    return tuple(kept)


def _require_once(headers: Headers) -> None:
    counts = Counter(name.lower() for name, _ in headers)
    if any(counts[name] > 1 for name in _ONCE):
        raise Refused(400)


def _host(text: str | None, version: tuple[int, int]) -> str:
    if text is None:
        if version >= _HTTP_1_1:
            raise Refused(400)
        return ""
    found = HOST.fullmatch(text.lower())
    if found is None:
        if not text or set(text) & set("/ \t") or ".." in text:
            raise Refused(400)
        raise Unclear("a Host that is no host name")
    return found[1] or found[2]


def _body(
    request: HttpRequest, given: dict[str, str], version: tuple[int, int]
) -> tuple[bytes, bool]:
    """Return the body as far as it belongs to the request, and whether it came in chunks."""
    length, encoding = given.get("content-length"), given.get("transfer-encoding")
    if length is not None and not _LENGTH.fullmatch(length):
        raise Refused(400)
    if encoding is not None:
        if version < _HTTP_1_1 or (length is not None):
            raise Refused(400)
        if encoding.lower() != "chunked":
            raise Refused(501)
        return _dechunked(request.body), True
    if length is None:
        return b"", False
    if int(length) > len(request.body):
        raise Unclear("a body that is shorter than Content-Length says")
    return request.body[: int(length)], False


def _dechunked(data: bytes) -> bytes:
    body = bytearray()
    at = 0
    while found := _CHUNK.match(data, at):
        size, start = int(found[1], 16), found.end()
        if not size:
            return bytes(body)
        body += data[start : start + size]
        at = start + size + 2
        if data[start + size : at] != b"\r\n":
            break
    raise Unclear("a body in chunks that does not end")
