"""A file that holds one raw HTTP/1 request."""

from __future__ import annotations

import re

from waf_builder.inspect.request import Headers, HttpRequest, RequestError

_REQUEST_LINE = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/([0-9.]+)")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:[ \t]*(.*?)[ \t]*")


def from_raw(data: bytes, name: str) -> HttpRequest:
    """Return the request in data: request line, headers, an empty line, the body.

    An editor's line ends become HTTP's, and Content-Length is that of the body that is there: a
    file that somebody has edited need not be counted again. RequestError with file and line.
    """
    head, separator, body = _split(data)
    method, target, version, headers = _head(head, name)
    if not separator or b"chunked" in head.lower():
        return HttpRequest(method, target, headers, body, version, name)
    if b"\r\n" not in data:
        body = body.removesuffix(b"\n")  # the one that every editor puts at a file's end
    kept = [pair for pair in headers if pair[0].lower() != "content-length"]
    if body:
        kept.append(("Content-Length", str(len(body))))
    return HttpRequest(method, target, tuple(kept), body, version, name)


def from_wire(data: bytes, name: str) -> HttpRequest:
    """Return the request that these bytes are, as they are; RequestError when they are none."""
    head, _, body = _split(data)
    method, target, version, headers = _head(head, name)
    return HttpRequest(method, target, headers, body, version, name)


def _head(head: bytes, name: str) -> tuple[str, str, str, Headers]:
    lines = head.decode("latin-1").split("\n")
    start = _REQUEST_LINE.fullmatch(lines[0].rstrip("\r"))
    if start is None:
        raise RequestError(
            f"{name}:1: {lines[0].strip()[:60]!r} is no request line, expected one such as"
            " 'GET /path HTTP/1.1'"
        )
    headers = []
    for number, line in enumerate(lines[1:], 2):
        found = _HEADER.fullmatch(line.rstrip("\r"))
        if found is None:
            raise RequestError(
                f"{name}:{number}: {line.strip()[:60]!r} is no header, expected NAME: VALUE\n"
                "    An empty line stands before the body."
            )
        headers.append((found[1], found[2]))
    return start[1], start[2], start[3], tuple(headers)


def _split(data: bytes) -> tuple[bytes, bytes, bytes]:
    found = re.search(rb"\r?\n\r?\n", data)
    if found is None:
        return data.rstrip(b"\r\n"), b"", b""
    return data[: found.start()], found[0], data[found.end() :]
