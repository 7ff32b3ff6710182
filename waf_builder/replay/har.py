"""A HAR file as traffic: what a browser sent, and what it got."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from waf_builder.inspect.har import entries, is_other, request_of
from waf_builder.inspect.request import RequestError
from waf_builder.replay.seen import Seen, Skipped

_ID = "x-request-id"
_PLAIN = "<center>nginx</center>"
_REFUSALS = frozenset({400, 403, 405, 413, 415})
"""What the WAF itself answers where a rule or a route says no."""


def from_har(stream: BinaryIO, name: str, skipped: Skipped) -> Iterator[Seen]:
    """Yield the requests of a HAR file; an entry that is none is counted in `skipped`.

    Whether the WAF or the app said no is told by the page: with the id that its header names, or
    nginx's plain one, it is the WAF's. RequestError where the file has no entry at all.
    """
    number = 0
    try:
        for number, entry in entries(stream, name):
            place = f"{name}: entry {number}"
            if is_other(entry):
                skipped.others += 1
                continue
            try:
                request = request_of(entry, place)
                refused = _refused(entry.get("response"))
            except RequestError as error:
                skipped.bad(str(error).replace("\n", " "))
                continue
            if refused is None:
                skipped.unclear += 1
            else:
                whole = bool(request.body) or not _had_body(entry)
                yield Seen(request, place, refused, whole=whole, explained=whole)
    except RequestError as error:
        if not number:
            raise
        skipped.bad(str(error).splitlines()[0])


def _had_body(entry: Any) -> bool:
    """Return whether a body was sent; browsers leave files out of what they save."""
    size = entry["request"].get("bodySize")
    return isinstance(size, int) and size > 0


def _refused(response: Any) -> bool | None:
    """Return whether the WAF answered instead of the app; None when nobody can say."""
    try:
        status = int(response["status"])
        if status not in _REFUSALS:
            return None if status <= 0 or status not in range(100, 600) else False
        ids = [str(one["value"]) for one in response["headers"] if one["name"].lower() == _ID]
        text = (response.get("content") or {}).get("text")
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    if not ids:
        return False
    if not isinstance(text, str):
        return None
    return _PLAIN in text or any(one and one in text for one in ids)
