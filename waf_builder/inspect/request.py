"""A request as it goes over the wire, whatever it was written in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from waf_builder.errors import WafBuilderError

Headers = tuple[tuple[str, str], ...]

BROWSER: Headers = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("Accept-Language", "en-US,en;q=0.5"),
)
"""What a bare URL is asked with: a request without these would be suspicious by itself."""

FORM = "application/x-www-form-urlencoded"

_TARGET_SAFE = "!\"#$&'()*+,-./:;<=>?@[]^_`{|}~%\\"
"""All of ASCII that can stand in a request line: nothing is encoded that was not sent so."""
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HTTP_PORT = 80

HOST = re.compile(r"(?:([a-z0-9_%-]+(?:\.[a-z0-9_%-]+)*)\.?|(\[[0-9a-f:.]+\]))(?::[0-9]{1,5})?")
"""A Host in small letters: group 1 or 2 is its name."""


class RequestError(WafBuilderError):
    """What was given is no request that could be sent; the message says what and where."""


@dataclass(frozen=True)
class HttpRequest:
    """One request.

    target: path and query, as they stand in the request line. All text is one character a byte
    (Latin-1), so that nothing is lost of what a client sent. name: how an answer calls it.
    """

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    version: str = "1.1"
    name: str = ""

    @property
    def host(self) -> str:
        """The Host header, empty without one."""
        return self.header("host")

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    def header(self, name: str) -> str:
        """Return the first value of a header, empty without one; `name` in small letters."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    def wire(self) -> bytes:
        """Return the bytes of the request, on a connection of its own."""
        lines = [f"{self.method} {self.target} HTTP/{self.version}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not self.header("connection"):
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self.body


def wire_text(text: str) -> str:
    """Return text as its UTF-8 bytes, one character each."""
    return wire_bytes(text).decode("latin-1")


def wire_bytes(text: str) -> bytes:
    """Return the bytes of a text; a surrogate is the byte that it stands for, or itself."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def from_url(url: str) -> HttpRequest:
    """Return the GET that a browser sends for a URL, or for a path of the WAF's own."""
    target, host = split_url(url)
    return HttpRequest("GET", target, (("Host", host), *BROWSER), name=url)


def is_url(text: str) -> bool:
    """Return whether a text begins with the scheme of a URL."""
    return _SCHEME.match(text) is not None


def split_url(url: str) -> tuple[str, str]:
    """Return the request target and the Host of a URL; a path alone is asked of `localhost`.

    RequestError for a text with neither scheme nor leading slash: it may mean a file or a host.
    """
    if url.startswith("/"):
        return target_of(url), "localhost"
    if not is_url(url):
        raise RequestError(
            f"{url!r} is no URL\n    Write http://{url} for a host, or /{url} for a path."
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise RequestError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise RequestError(f"{url!r} is not an http or https URL")
    host = parts.hostname
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise RequestError(f"{url!r} has no host name: {error}") from None
    if not HOST.fullmatch(host.lower()):
        raise RequestError(f"{url!r} has no host name: {host!r} is none")
    rest = url.split("://", 1)[1]
    start = min((at for at in map(rest.find, "/?#") if at >= 0), default=len(rest))
    return target_of(rest[start:]), host if port in {None, _HTTP_PORT, 443} else f"{host}:{port}"


def target_of(path: str) -> str:
    """Return a path with its query as a client sends it: no fragment, no byte that cannot be."""
    path = path.split("#", 1)[0]
    if not path.startswith("/"):
        path = f"/{path}"
    return quote(wire_bytes(path), safe=_TARGET_SAFE)
