"""Paths of many requests as a few patterns."""

from __future__ import annotations

import re

ANY = "*"
"""Stands for one segment, or what is left of it, that is another one in each request."""

_DEPTH = 8
_LENGTH = 100
_NUMBER = re.compile(r"[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"(?=[^0-9]*[0-9])[0-9a-f]{8,}", re.IGNORECASE)
_TOKEN = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9_-]{20,}")
_IDS = (_NUMBER, _UUID, _HEX, _TOKEN)
_ENDING = re.compile(r"(.*?)(\.[A-Za-z][A-Za-z0-9]{0,4}(?:\.gz)?)?")


def pattern_of(path: str) -> str:
    """Return a path with `*` for each number, UUID, digest, date and token in it.

    A very long or deep one ends with `*`.
    """
    segments = path[: _LENGTH * 4].split("/")
    general = "/".join(map(_general, segments[: _DEPTH + 1]))
    if len(segments) > _DEPTH + 1:
        general += f"/{ANY}"
    return general if len(general) <= _LENGTH else f"{general[: _LENGTH - 1]}{ANY}"


def prefix_of(pattern: str) -> str:
    """Return the path that everything below a pattern has in common: `/posts/` of `/posts/*/a`."""
    before, found, _ = pattern.partition(ANY)
    if not found:
        return pattern
    return before[: before.rindex("/") + 1] if "/" in before else "/"


def _general(segment: str) -> str:
    name, ending = _ENDING.fullmatch(segment).groups() if _plain(segment) else (segment, "")  # type: ignore[union-attr]
    if any(kind.fullmatch(name) for kind in _IDS):
        return f"{ANY}{ending or ''}"
    return segment


def _plain(segment: str) -> bool:
    return "\n" not in segment
