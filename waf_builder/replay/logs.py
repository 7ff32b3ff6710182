"""The WAF's own logs as traffic: a request's lines of both logs, put together."""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from waf_builder.inspect.answer import Answer, answer
from waf_builder.inspect.logline import made
from waf_builder.inspect.request import HttpRequest
from waf_builder.replay.seen import UNKNOWN_HOST, Seen, Skipped
from waf_builder.run.logs import hear

HELD = 2000
"""Records that wait for what the other log says of the same request: both are written within
milliseconds, by several workers."""

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}")
_HOST = re.compile(r"[!-~]{1,255}")
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_REFUSED = frozenset({"block", "reject"})
_GATES = frozenset({"access", "basic_auth", "limit", "client_ip", "https_only", "canonical_host"})
"""Who answered before any rule, as `event.action` has it."""
_FORBIDDEN = 403
_UNREADABLE = 400
_PARSERS = frozenset({"200002", "200003", "200004", "200007"})
_BEGINS = re.compile(r'\{"(?:@timestamp|transaction)"')
_NAMES_ALONE = re.compile(r"(?:&?[^=&]+=)+")
_IN_TARGET = re.compile(
    r"ARGS_GET|QUERY_STRING|REQUEST_(?:URI|FILENAME|BASENAME|LINE|METHOD|PROTOCOL)"
)
_IN_QUERY = re.compile(r"ARGS(?:_NAMES)?(?::|$)")


@dataclass
class _Record:
    """What is known of one request."""

    place: str
    parts: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def from_logs(
    numbered: Iterable[tuple[int, str | None]], name: str, skipped: Skipped
) -> Iterator[Seen]:
    """Yield the requests of the lines of an access log, an audit log, or both mixed.

    What a line lacks or is too long or torn for is counted in `skipped`, as are lines of other
    kinds. Memory is that of HELD records.
    """
    held: OrderedDict[str, _Record] = OrderedDict()
    for number, line in numbered:
        if (heard := _heard(line, f"{name}:{number}", skipped)) is None:
            continue
        key, log, record = heard
        if key in held and log in held[key].parts:  # a client chose the id of another request
            yield from _seen(held.pop(key), skipped)
        held.setdefault(key, _Record(f"{name}:{number}")).parts[log] = record
        if len(held) > HELD:
            yield from _seen(held.popitem(last=False)[1], skipped)
    for left in held.values():
        yield from _seen(left, skipped)


def _heard(
    line: str | None, place: str, skipped: Skipped
) -> tuple[str, str, Mapping[str, Any]] | None:
    if line is None:
        skipped.bad(f"{place}: the line is too long for one of a log")
        return None
    # A platform puts the time and the container before each line.
    if not line.startswith("{") and (begin := _BEGINS.search(line)):
        line = line[begin.start() :]
    if not line.startswith("{"):
        skipped.others += bool(line.strip())
        return None
    heard = hear(line)
    if heard is None:
        if _is_json(line):
            skipped.others += 1
        else:
            skipped.bad(f"{place}: not JSON, or not all of it")
        return None
    return heard if heard[1] in {"access", "audit"} else None


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _seen(record: _Record, skipped: Skipped) -> Iterator[Seen]:
    access, audit = record.parts.get("access", {}), record.parts.get("audit", {})
    if access.get("verdict") in _GATES:
        skipped.gates += 1
        return
    try:
        request, known = _request(record.place, access, audit)
        said = answer(request, _status(access, audit), {}, audit) if audit else None
        refused = access["verdict"] in _REFUSED if access else _was_refused(audit)
        explained = not refused or _explained(said, request)
    except (AttributeError, KeyError, TypeError, ValueError):
        skipped.bad(f"{record.place}: not a record as the WAF writes it")
        return
    if request.method and request.target.startswith("/"):
        why = tuple((one.rule, one.message) for one in said.matches) if said and refused else ()
        whole = known and request.method in _WITHOUT_BODY
        yield Seen(
            request,
            record.place,
            refused,
            why[:1],
            logged=True,
            whole=whole,
            explained=explained,
        )
    else:
        skipped.unclear += 1


def _request(
    place: str, access: Mapping[str, Any], audit: Mapping[str, Any]
) -> tuple[HttpRequest, bool]:
    """Return the request, and whether its query is known.

    One that nginx could not read has no method; then the request has none either.
    """
    method, uri, known = "", "", True
    if audit:
        method, uri = audit["request"]["method"], audit["request"]["uri"]
    elif access:
        method, uri = access["method"], access["path"]
        query = access["query"]
        known = query is not None and not _NAMES_ALONE.fullmatch(query)
        uri += f"?{query}" if query else ""
    host = str(access.get("host") or "")
    if not _METHOD.fullmatch(method) or not uri.startswith("/"):
        return HttpRequest("", "", ()), known
    return made(method, uri, host if _HOST.fullmatch(host) else UNKNOWN_HOST, place), known


def _status(access: Mapping[str, Any], audit: Mapping[str, Any]) -> int:
    return int(access["status"] if access else audit["response"]["http_code"])


def _was_refused(audit: Mapping[str, Any]) -> bool:
    """Return whether ModSecurity refused a request of which only the audit record is there."""
    status = int(audit["response"]["http_code"])
    rules = {str(one["details"]["ruleId"]) for one in audit["messages"]}
    if audit["producer"]["secrules_engine"] != "Enabled":
        return False
    if status == _UNREADABLE:
        return not rules.isdisjoint(_PARSERS)
    return status == _FORBIDDEN and any(rule.startswith(("949", "959")) for rule in rules)


def _explained(said: Answer | None, request: HttpRequest) -> bool:
    """Return whether what a request was refused for is in its first line, which a log keeps.

    An access line alone says nothing of it, not even the method: nginx logs GET where it has
    turned to an error page.
    """
    if said is None:
        return False
    scored = [match for match in said.matches if match.score]
    in_query = request.method in _WITHOUT_BODY
    return bool(scored) and all(
        _IN_TARGET.match(match.target) or (in_query and _IN_QUERY.match(match.target))
        for match in scored
    )
