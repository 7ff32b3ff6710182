"""What a user gave, as requests: a URL, a curl command, or a file of one of several kinds."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

from waf_builder.inspect.request import HOST, HttpRequest, RequestError, from_url, is_url

if TYPE_CHECKING:
    from io import BufferedReader
    from typing import BinaryIO

MAX_BYTES = 128 * 1024**2
"""Of a raw request: more than any router takes. A HAR file may be of any size."""
_CURL = re.compile(r"(?:\S*[/\\])?curl(?:\.exe)?\s", re.IGNORECASE)
_RAW = re.compile(r"\S+ \S+ HTTP/")
_OTHERS = re.compile(r"\$\w+\s*=|Invoke-\w+\s|(?P<script>(?:await\s+)?fetch\s*\()", re.IGNORECASE)


def read(given: str, folder: Path | None = None) -> Iterator[HttpRequest]:
    """Yield the requests in what was given.

    A `curl ...` line, lines of the log, a path of the WAF's own, a URL with its scheme, the name
    of a file, or `-` for standard input. RequestError says what is wrong with it, and where.

    folder: of a file of tests. Files are then only those that are named relative to it, so that
    a test says the same everywhere; what begins with `/` is always a path of the WAF's.
    """
    text = given.strip()
    _refuse_others(text)
    if _CURL.match(text):
        from waf_builder.inspect.curl import from_curl

        yield from_curl(text, folder)
    elif is_url(text) or (text.startswith("/") and (folder or not _is_file(Path(text)))):
        yield from_url(text)
    else:
        yield from _named(given, folder)


def _named(given: str, folder: Path | None) -> Iterator[HttpRequest]:
    from waf_builder.inspect.files import STDIN
    from waf_builder.inspect.logline import from_log, is_log

    path = folder / given if folder else Path(given)
    if (given == STDIN and not folder) or _is_file(path):
        yield from _from_file(str(path))
        return
    text = given.strip()
    if is_log(text):
        yield from from_log(enumerate(text.split("\n"), 1), "the given line")
        return
    url = f"http://{text}" if HOST.fullmatch(text.partition("/")[0].lower()) else "http://HOST/"
    raise RequestError(
        f"{given!r} is neither a file nor a request\n"
        f"    A URL has its scheme, as {url}, and a path begins with /.\n"
        "    Or give a curl command in quotes, or a file with a raw request, a HAR, or lines of the"
        " log." + (f"\n    Files are looked for in {folder}." if folder else "")
    )


def _refuse_others(text: str) -> None:
    if found := _OTHERS.match(text):
        of = "JavaScript" if found["script"] else "PowerShell"
        raise RequestError(
            f"a request as a command of {of} is not read here\n"
            "    Copy it again as cURL (bash) or, in Firefox, as cURL (POSIX)."
        )


def _is_file(path: Path) -> bool:
    """Return whether a path can be read: that of a file, or of a pipe such as `/dev/stdin`."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):  # also too long for a name, or with a byte that none has
        return False


def _from_file(path: str) -> Iterator[HttpRequest]:
    from waf_builder.inspect.files import is_har, lines, opened, shown
    from waf_builder.inspect.logline import from_log, is_log

    name = shown(path)
    with opened(path) as stream:
        start = stream.peek().decode("latin-1").lstrip()
        if is_har(path, stream):
            from waf_builder.inspect.har import from_har

            yield from from_har(cast("BinaryIO", stream), name)
        elif _CURL.match(start):
            from waf_builder.inspect.curl import from_curl

            line = _whole(stream, name).decode("utf-8", "surrogateescape").strip()
            yield from_curl(line, Path(path).parent)
        elif is_log(start) and not _RAW.match(start):
            yield from from_log(lines(stream), name)
        else:
            _refuse_others(start)
            from waf_builder.inspect.raw import from_raw

            try:
                yield from_raw(_whole(stream, name), name)
            except RequestError as error:
                if not name.startswith("/"):
                    raise
                raise RequestError(
                    f"{error}\n    To ask for the path, write http://localhost{name}."
                ) from None


def _whole(stream: BufferedReader, name: str) -> bytes:
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise RequestError(f"{name} has more than {MAX_BYTES:,} bytes; no router takes as many")
    return data
