"""The logs of a WAF as a person reads them: one calm line a request."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from http import HTTPStatus

from waf_builder.crs.scoring import JUDGES, SCORE

HOLD_SECONDS = 0.15
"""How long a request's line waits for what the other logs say of the same request."""

ACCESS_KEYS = {
    "time": "@timestamp",
    "id": "http.request.id",
    "method": "http.request.method",
    "path": "url.path",
    "query": "url.query",
    "status": "http.response.status_code",
    "nanoseconds": "event.duration",
    "verdict": "event.action",
    "host": "url.domain",
    "route": "waf.route",
    "backend_status": "waf.backend.status",
}
"""What the access log calls the things that are told here; the templates write it.

https://www.elastic.co/guide/en/ecs/8.17/ecs-field-reference.html
"""
_ACCESS_NAMES = {noun: tuple(key.split(".")) for noun, key in ACCESS_KEYS.items()}

_PATH_LENGTH = 100
_MESSAGE_LENGTH = 90
_TIME_OF_DAY = re.compile(r"(?<!\d)\d\d:\d\d:\d\d(?:\.\d{1,3})?(?!\d)")
_DENIED = re.compile(
    r"ModSecurity: (?:Access denied|Warning)"
    r'.*\[id "(?P<rule>\d+)"\].*\[msg "(?P<message>[^"]*)"\].*\[unique_id "(?P<id>[^"]+)"\]'
)

Record = Mapping[str, object]
Parts = dict[str, Record]
"""What the logs say of one request, by log: access, audit, error."""


class Narrator:
    """Turns lines of all logs, in the order in which they come, into lines for a terminal.

    A blocked request has a line in the access log, in the audit log and in nginx's error log;
    they are told as one. Anything else passes through. Control characters, which whoever sends
    a request could put there, are made visible.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[str, tuple[float, Parts]] = {}

    def feed(self, line: str) -> list[str]:
        """Take a line and return what is to be told now."""
        heard = hear(line)
        if heard is None:
            return [*self.due(), _printable(line)]
        key, log, record = heard
        _, parts = self._held.setdefault(key, (self._clock() + HOLD_SECONDS, {}))
        # The error log has one for each rule that fired; the last one is why it was blocked.
        parts[log] = record
        return self.due()

    def due(self) -> list[str]:
        """Return what has waited long enough; to be asked every now and then."""
        now = self._clock()
        return self._tell([key for key, (when, _) in self._held.items() if when <= now])

    def flush(self) -> list[str]:
        """Return everything that still waits."""
        return self._tell(list(self._held))

    def _tell(self, keys: Iterable[str]) -> list[str]:
        return [_printable(_request_line(self._held.pop(key)[1])) for key in keys]


def hear(line: str) -> tuple[str, str, Record] | None:
    """Return a request's id, the log and its record, or None for any other line.

    The logs are access, with the nouns of ACCESS_KEYS, audit and error.
    """
    if denied := _DENIED.search(line):
        return denied["id"], "error", {"line": line, **denied.groupdict()}
    if not line.startswith("{"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    transaction = record.get("transaction")
    if isinstance(transaction, dict) and isinstance(transaction.get("unique_id"), str):
        return transaction["unique_id"], "audit", transaction
    told = {noun: _at(record, names) for noun, names in _ACCESS_NAMES.items()}
    if isinstance(told["id"], str) and None not in {told["status"], told["path"]}:
        return told["id"], "access", told
    return None


def _at(record: Record, names: Iterable[str]) -> object:
    """Return what stands at a key such as `url.path`, by its parts, or None."""
    found: object = record
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if not isinstance(found, dict | list) else None


def _request_line(parts: Parts) -> str:
    access, audit, error = (parts.get(log) for log in ("access", "audit", "error"))
    if access is not None:
        told = [_tell_access(access, audit or {})]
    elif audit is not None:
        told = [_tell_audit(audit)]
    else:
        return str((error or {}).get("line"))
    if audit is not None:
        told.append(_tell_rules(_rules(audit)))
    elif error is not None:
        told.append(_tell_rules([(str(error["rule"]), str(error["message"]))]))
    if access is not None:
        told.append(_took(access["nanoseconds"]))
    return "  ".join(words for words in told if words)


def _tell_access(record: Record, audit: Record) -> str:
    # The audit log has the query as well, which is where most attacks are.
    path = _part(audit, "request").get("uri") or record["path"]
    verdict = str(record["verdict"] or "")
    return _what(record["time"], record["status"], verdict, record["method"], path)


def _tell_audit(record: Record) -> str:
    request, response = _part(record, "request"), _part(record, "response")
    status = response.get("http_code")
    # Newer versions of libmodsecurity say whether they cut the request short.
    blocked = record.get("is_interrupted", status == HTTPStatus.FORBIDDEN)
    verdict = "block" if blocked else "pass"
    return _what(
        record.get("time_stamp"), status, verdict, request.get("method"), request.get("uri")
    )


def _what(when: object, status: object, verdict: str, method: object, path: object) -> str:
    return f"{_clock_time(when)} {status} {verdict:<6} {method or '-'} {_cut(path, _PATH_LENGTH)}"


def _rules(audit: Record) -> list[tuple[str, str]]:
    """Return the rules that the record names, each once, the most severe first."""
    rules: dict[str, tuple[int, str]] = {}
    messages = audit.get("messages")
    for one in messages if isinstance(messages, list) else []:
        if isinstance(one, dict):
            details = _part(one, "details")
            rule = str(details.get("ruleId") or "-")
            rules.setdefault(rule, (_severity(details), str(one.get("message") or "")))
    ordered = sorted(rules.items(), key=lambda item: item[1][0])
    return [(rule, message) for rule, (_, message) in ordered]


def _severity(details: Record) -> int:
    """Return 0 (emergency) to 7 (debug), as syslog counts; 8 when the rule does not say."""
    text = str(details.get("severity"))
    return int(text) if text.isdecimal() else 8


def _tell_rules(rules: list[tuple[str, str]]) -> str:
    """Return the first rule with its message, the ids of the others, and the score.

    Of the rules that decide by the score only the score is told.
    """
    if not rules:
        return ""
    telling = [rule for rule in rules if not JUDGES.fullmatch(rule[0])] or rules
    left = [message for rule, message in rules if (rule, message) not in telling]
    scores = [score[1] for message in left if (score := SCORE.search(message))]
    (first, message), *others = telling
    told = [f"{first} {_cut(message, _MESSAGE_LENGTH)}".strip()]
    if others:
        told.append("also " + " ".join(rule for rule, _ in others))
    if scores:
        told.append(f"score {scores[0]}")
    return ", ".join(told)


def _clock_time(when: object) -> str:
    """Return the time of day of any of the logs' forms, or what was given."""
    text = str(when or "-")
    try:
        # nginx's $msec: seconds since 1970.
        moment = datetime.fromtimestamp(float(text), tz=timezone.utc).astimezone()
    except (ValueError, OverflowError, OSError):
        found = _TIME_OF_DAY.search(text)
        return found[0] if found else text
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03}"


def _took(nanoseconds: object) -> str:
    if not isinstance(nanoseconds, int):
        return ""
    seconds = nanoseconds / 1e9
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _cut(value: object, length: int) -> str:
    text = str(value or "-")
    return text if len(text) <= length else text[: length - 1] + "…"


def _part(record: Record, key: str) -> Record:
    part = record.get(key)
    return part if isinstance(part, dict) else {}


def _printable(line: str) -> str:
    return "".join(
        char if char.isprintable() or char == "\t" else char.encode("unicode_escape").decode()
        for char in line
    )
