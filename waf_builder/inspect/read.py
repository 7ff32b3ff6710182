"""What a user gave, as requests: a URL, a curl command, or a file of one of several kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from waf_builder.inspect.request import HttpRequest, RequestError, from_url

MAX_BYTES = 128 * 1024**2
"""Of a raw request: more than any router takes. A HAR file may be of any size."""
_SNIFFED = 4096


def read(given: str) -> Iterator[HttpRequest]:
    """Yield the requests in what was given.

    A `curl ...` line, the path of a file that exists, or a URL. RequestError says what is wrong
    with it, and where.
    """
    text = given.strip()
    if text.startswith(("curl ", "curl\t", "curl\n", "curl.exe ")):
        from waf_builder.inspect.curl import from_curl

        yield from_curl(text)
        return
    if text.startswith("{"):
        from waf_builder.inspect.logline import from_log

        yield from from_log(text.splitlines(), "the given line")
        return
    path = Path(given)
    if _is_file(path):
        yield from _from_file(path)
        return
    if not text.startswith("/") and "://" not in text and "." not in text:
        raise RequestError(
            f"{given!r} is neither a file nor a request\n"
            "    Expected a URL, a curl command in quotes, or a file with a raw request, a HAR, or"
            " lines of the log."
        )
    yield from_url(text)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name, or with a byte that none has
        return False


def _from_file(path: Path) -> Iterator[HttpRequest]:
    try:
        with path.open("rb") as stream:
            start = stream.read(_SNIFFED).lstrip(b"\xef\xbb\xbf \t\r\n")
            size = path.stat().st_size
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}") from None
    if path.suffix.lower() == ".har" or (start.startswith(b"{") and b'"log"' in start[:200]):
        from waf_builder.inspect.har import from_har

        yield from from_har(path)
    elif start.startswith(b"curl"):
        from waf_builder.inspect.curl import from_curl

        yield from_curl(path.read_text("utf-8", "surrogateescape").strip(), path.parent)
    elif start.startswith(b"{"):
        from waf_builder.inspect.logline import from_log

        with path.open(encoding="utf-8", errors="replace") as lines:
            yield from from_log(lines, str(path))
    elif size > MAX_BYTES:
        raise RequestError(f"{path} has more than {MAX_BYTES:,} bytes; no router takes as many")
    else:
        from waf_builder.inspect.raw import from_raw

        yield from_raw(path.read_bytes(), str(path))
