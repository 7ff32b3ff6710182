"""How deep JSON is nested, told before a parser has to keep all of it in mind."""

from __future__ import annotations

import re
from typing import BinaryIO

from waf_builder.inspect.request import RequestError

MAX_DEPTH = 100
"""Levels of a HAR file: its own are ten, and bodies stand in it as text."""

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_OPENING = b"[{"
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))


class Shallow:
    """A stream of JSON, which ends in RequestError at what is nested too deep.

    depth: the levels that are open after what was read. ijson keeps the whole path of every level,
    so that 100 KB of `[` would take 40 GB.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name = stream, name
        self.depth = 0
        self._quoted = b""
        self._escape = b""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, looked through."""
        data = self._stream.read(size)
        self._look(data)
        return data

    def _look(self, data: bytes) -> None:
        whole = self._escape + data
        text = whole.rstrip(b"\\")
        # Backslashes at the end belong to what comes next; two of them are a sign of their own.
        self._escape = b"\\" * ((len(whole) - len(text)) % 2)
        # A quote more ends the last string, or stays where there was none to end.
        left = _STRING.sub(b"", self._quoted + text + b'"')
        self._quoted = b"" if left.endswith(b'"') else b'"'
        brackets = left.translate(None, _OTHERS)
        for bracket in brackets:
            self.depth += 1 if bracket in _OPENING else -1
            if self.depth > MAX_DEPTH:
                raise RequestError(
                    f"{self._name} is nested more than {MAX_DEPTH} levels deep, which no browser"
                    " saves\n    Expected a HAR file, with log.entries."
                )
