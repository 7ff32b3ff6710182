"""The WAF's own logs as traffic: what was asked, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from waf_builder.inspect.answer import MAX_ARGUMENTS, PARSERS, REFUSED, Answer, answer
from waf_builder.inspect.logline import Record, records
from waf_builder.inspect.request import HttpRequest
from waf_builder.replay.seen import Seen, Skipped

_WITHOUT_BODY = frozenset({"GET", "HEAD"})
_GATES = frozenset({"access", "basic_auth", "limit", "client_ip", "https_only", "canonical_host"})
"""Who answered before any rule, as `event.action` has it."""
_FORBIDDEN = 403
_UNREADABLE = 400
_UNREADABLE_BY = frozenset(str(rule) for rule in (*PARSERS, MAX_ARGUMENTS))
_IN_TARGET = re.compile(
    r"ARGS_GET|QUERY_STRING|REQUEST_(?:URI|FILENAME|BASENAME|LINE|METHOD|PROTOCOL)"
)
_IN_QUERY = re.compile(r"ARGS(?:_NAMES)?(?::|$)")


def from_logs(
    numbered: Iterable[tuple[int, str | None]], name: str, skipped: Skipped
) -> Iterator[Seen]:
    """Yield the requests of the lines of an access log, an audit log, or both mixed.

    What is no record, or no request that could be judged, is counted in `skipped`.
    """
    for record in records(numbered, name, skipped):
        yield from _seen(record, skipped)


def _seen(record: Record, skipped: Skipped) -> Iterator[Seen]:
    access, audit = record.access, record.audit
    if access.get("verdict") in _GATES:
        skipped.gates += 1
        return
    try:
        request, known = record.request()
        said = answer(request, _status(access, audit), {}, audit) if audit else None
        refused = access["verdict"] in REFUSED if access else _was_refused(audit)
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


def _status(access: Mapping[str, Any], audit: Mapping[str, Any]) -> int:
    return int(access["status"] if access else audit["response"]["http_code"])


def _was_refused(audit: Mapping[str, Any]) -> bool:
    """Return whether ModSecurity refused a request of which only the audit record is there."""
    status = int(audit["response"]["http_code"])
    rules = {str(one["details"]["ruleId"]) for one in audit["messages"]}
    if audit["producer"]["secrules_engine"] != "Enabled":
        return False
    if status == _UNREADABLE:
        return not rules.isdisjoint(_UNREADABLE_BY)
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
