"""Lines of the WAF's own logs: a request's lines of both, put together, and what was asked."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from waf_builder.inspect.request import BROWSER, HttpRequest, RequestError, target_of
from waf_builder.run.logs import hear

HELD = 2000
"""Records that wait for what the other log says of the same request: both are written within
milliseconds, by several workers."""
UNKNOWN_HOST = "localhost"
"""What a request is asked with whose host is not known."""

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")
_HOST = re.compile(r"[!-~]{1,255}")
_BEGINS = re.compile(r'\{"(?:@timestamp|transaction)"')
_NAMES_ALONE = re.compile(r"(?:&?[^=&]+=)+")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Without a length of their body, rules would find these odd."""

Numbered = Iterable[tuple[int, str | None]]
"""Lines with their numbers; None for one that is too long to be read."""


@dataclass
class Unread:
    """What of the input is no record, counted.

    malformed: lines and entries that say they are a record and are none; first: one of them, as
    `file:line: why`. others: lines of other kinds, which a log is full of.
    """

    malformed: int = 0
    first: str = ""
    others: int = 0

    def bad(self, reason: str) -> None:
        """Count one that is malformed."""
        self.malformed += 1
        self.first = self.first or reason


@dataclass
class Record:
    """What the logs say of one request. place: the file and line that came first."""

    place: str
    parts: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def access(self) -> Mapping[str, Any]:
        """The line of the access log, with the nouns of `run.logs`; empty without one."""
        return self.parts.get("access", {})

    @property
    def audit(self) -> Mapping[str, Any]:
        """The transaction of the audit log; empty without one."""
        return self.parts.get("audit", {})

    def request(self) -> tuple[HttpRequest, bool]:
        """Return what was asked, as far as logs tell, and whether its query is known.

        No header is known: they are a browser's, and the body is empty. A request that nginx could
        not read has no method; then this has none either. KeyError, TypeError or AttributeError for
        what is no record as the WAF writes it.
        """
        method, uri, known = "", "", True
        if self.audit:
            method, uri = self.audit["request"]["method"], self.audit["request"]["uri"]
        elif self.access:
            method, uri = self.access["method"], self.access["path"]
            query = self.access["query"]
            known = query is not None and not _NAMES_ALONE.fullmatch(query)
            uri += f"?{query}" if query else ""
        host = str(self.access.get("host") or "")
        if not _METHOD.fullmatch(method) or not uri.startswith("/"):
            return HttpRequest("", "", ()), known
        named = ("Host", host if _HOST.fullmatch(host) else UNKNOWN_HOST)
        empty = (("Content-Length", "0"),) if method in _WITH_BODY else ()
        headers = (named, *BROWSER, *empty)
        return HttpRequest(method, target_of(uri), headers, name=self.place), known


def from_log(numbered: Numbered, name: str) -> Iterator[HttpRequest]:
    """Yield the requests of the lines of an access log, an audit log, or both mixed.

    What the logs do not keep is not asked: headers, bodies, and queries that are masked or left
    out. Other lines are passed over. RequestError when no line has a request.
    """
    found = False
    unread = Unread()
    for record in records(numbered, name, unread):
        try:
            request, _ = record.request()
        except (AttributeError, KeyError, TypeError, ValueError):
            unread.bad(f"{record.place}: not a record as the WAF writes it")
            continue
        if request.method:
            found = True
            yield request
    if not found:
        raise RequestError(
            f"{name} has no line of the access log or the audit log with a request\n"
            "    One is a JSON object with a method and a path, or with a `transaction`."
            + (f"\n    {unread.first}" if unread.first else "")
        )


def is_log(text: str) -> bool:
    """Return whether a line in a text begins as those of the logs do."""
    return text.startswith("{") or _BEGINS.search(text) is not None


def records(numbered: Numbered, name: str, unread: Unread) -> Iterator[Record]:
    """Yield what an access log, an audit log, or both mixed say of each request, put together.

    What a line lacks or is too long or torn for is counted in `unread`, as are lines of other
    kinds. Memory is that of HELD records.
    """
    held: OrderedDict[str, Record] = OrderedDict()
    for number, line in numbered:
        if (heard := _heard(line, f"{name}:{number}", unread)) is None:
            continue
        key, log, record = heard
        if key in held and log in held[key].parts:  # a client chose the id of another request
            yield held.pop(key)
        held.setdefault(key, Record(f"{name}:{number}")).parts[log] = record
        if len(held) > HELD:
            yield held.popitem(last=False)[1]
    yield from held.values()


def _heard(
    line: str | None, place: str, unread: Unread
) -> tuple[str, str, Mapping[str, Any]] | None:
    if line is None:
        unread.bad(f"{place}: the line is too long for one of a log")
        return None
    # A platform puts the time and the container before each line.
    if not line.startswith("{") and (begin := _BEGINS.search(line)):
        line = line[begin.start() :]
    if not line.startswith("{"):
        unread.others += bool(line.strip())
        return None
    heard = hear(line)
    if heard is None:
        if _is_json(line):
            unread.others += 1
        else:
            unread.bad(f"{place}: not JSON, or not all of it")
        return None
    return heard if heard[1] in {"access", "audit"} else None


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
