"""Files as streams of bytes and lines: plain, packed, or standard input, never whole in memory."""

from __future__ import annotations

import gzip
import io
import re
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from waf_builder.inspect.request import RequestError

STDIN = "-"
MAX_LINE = 1024**2
"""Bytes of a line; libmodsecurity's longest record has some 100 KB."""

Advance = Callable[[int], object]
"""Told how many more bytes of the files have been read."""

SNIFFED = 4096
"""Bytes that `peek` of a stream shows at its beginning, also where they come one by one."""

_HAR = re.compile(rb'\s*\{\s*"log"\s*:')
_GZIP = b"\x1f\x8b"
_MARK = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class _Counted(io.RawIOBase):
    """A stream that tells how much of it has been read."""

    def __init__(self, stream: BinaryIO, advance: Advance) -> None:
        self._stream, self._advance = stream, advance

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._stream.read1(len(buffer)) if hasattr(self._stream, "read1") else b""
        buffer[: len(data)] = data
        self._advance(len(data))
        return len(data)


class _Again(io.RawIOBase):
    """A stream whose beginning was read already, from there."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._start, self._stream = start, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._start or self._stream.read1(len(buffer))  # type: ignore[attr-defined]
        data, self._start = data[: len(buffer)], data[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def opened(name: str, advance: Advance = lambda _count: None) -> Iterator[io.BufferedReader]:
    """Yield the bytes of a file, unpacked where it is packed with gzip; `-` is standard input.

    A byte order mark is left out. RequestError when it cannot be read, also later on, or is UTF-16.
    """
    try:
        with _source(name) as source:
            stream = _begun(_Counted(source, advance))
            if stream.peek().startswith(_GZIP):
                stream = _begun(cast("io.RawIOBase", gzip.GzipFile(fileobj=stream)))
            start = stream.peek()
            if start.startswith(_UTF_16):
                raise RequestError(
                    f"{shown(name)} is UTF-16, as PowerShell writes with `>`\n"
                    "    Save it as UTF-8: Get-Content FILE | Set-Content -Encoding utf8 NEW"
                )
            if start.startswith(_MARK):
                stream.read(len(_MARK))
            yield stream
    except OSError as error:
        raise RequestError(f"{shown(name)} cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error) as error:
        raise RequestError(f"{shown(name)} cannot be unpacked: {error}") from None


def _begun(raw: io.RawIOBase) -> io.BufferedReader:
    """Return a stream of which all that is looked at can be seen at once, also of a slow pipe."""
    stream = io.BufferedReader(raw)
    return io.BufferedReader(_Again(stream.read(SNIFFED), cast("BinaryIO", stream)))


@contextmanager
def _source(name: str) -> Iterator[BinaryIO]:
    if name == STDIN:
        yield sys.stdin.buffer
        return
    with Path(name).open("rb") as file:
        yield file


def require_files(names: Iterable[str]) -> None:
    """Raise RequestError for a file that is not there, before anything long is begun.

    None is opened: a pipe can be read only once.
    """
    for name in names:
        try:
            if name != STDIN:
                Path(name).stat()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RequestError(f"{shown(name)} cannot be read: {reason}") from None


def shown(name: str) -> str:
    """Return how messages call a file."""
    return "standard input" if name == STDIN else name


def is_har(name: str, stream: io.BufferedReader) -> bool:
    """Return whether a stream holds a HAR file, by its name or its first bytes."""
    if name.lower().removesuffix(".gz").endswith(".har"):
        return True
    return _HAR.match(stream.peek()) is not None


def lines(stream: io.BufferedReader) -> Iterator[tuple[int, str | None]]:
    """Yield the number and text of each line; None for one with more than MAX_LINE bytes.

    Bytes that are no text are shown as such, and no line end is kept.
    """
    number = 0
    while data := stream.readline(MAX_LINE):
        number += 1
        if len(data) == MAX_LINE and not data.endswith(b"\n"):
            while data and not data.endswith(b"\n"):
                data = stream.readline(MAX_LINE)
            yield number, None
            continue
        yield number, data.decode("utf-8", "replace").rstrip("\r\n")


def size(names: tuple[str, ...]) -> int | None:
    """Return how many bytes the files have as they lie there; None when that is not known."""
    total = 0
    for name in names:
        try:
            total += Path(name).stat().st_size
        except (OSError, ValueError):
            return None
    return None if STDIN in names else total
