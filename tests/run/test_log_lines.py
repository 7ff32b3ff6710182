"""What a person sees of the logs: one calm line a request, and nothing that moves the cursor."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from waf_builder.run.logs import ACCESS_KEYS, HOLD_SECONDS, Narrator

ID = "47bf6664bd0b1ae1b7d2d439806f3f54"


class Clock:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def narrator(clock: Clock) -> Narrator:
    return Narrator(clock)


def access(**given: object) -> str:
    """Return a line as nginx writes it; what is given is named as `ACCESS_KEYS` does."""
    told: dict[str, object] = {
        "time": "2026-11-23T12:01:22.123+01:00",
        "id": ID,
        "method": "GET",
        "path": "/",
        "status": 200,
        "nanoseconds": 3_400_000,
        "verdict": "pass",
        **given,
    }
    record: dict[str, Any] = {"client": {"ip": "203.0.113.7"}, "waf": {"route": "/"}}
    for noun, value in told.items():
        *parents, name = ACCESS_KEYS[noun].split(".")
        inner = record
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = value
    return json.dumps(record)


def audit(*messages: tuple[str, str], status: int = 403, **given: object) -> str:
    """Return a record as libmodsecurity writes it."""
    transaction = {
        "client_ip": "203.0.113.7",
        "time_stamp": "Mon Nov 23 12:01:22 2026",
        "unique_id": ID,
        "request": {"method": "GET", "http_version": 1.1, "uri": "/?id=1"},
        "response": {"http_code": status},
        "messages": [{"message": said, "details": {"ruleId": rule}} for rule, said in messages],
    }
    return json.dumps({"transaction": {**transaction, **given}})


SQLI = ("942100", "SQL Injection Attack Detected via libinjection")
SCORE = ("949110", "Inbound Anomaly Score Exceeded (Total Score: 5)")
DENIED = (
    "2026/11/23 12:01:22 [error] 7#7: *1 [client 203.0.113.7] ModSecurity: Access denied with"
    ' code 403 (phase 2). Matched "Operator `Ge\' ..." [file "949.conf"] [line "80"]'
    ' [id "949110"] [rev ""] [msg "Inbound Anomaly Score Exceeded (Total Score: 5)"] [data ""]'
    f' [hostname "h"] [uri "/"] [unique_id "{ID}"] [ref ""], client: 203.0.113.7, server: '
)


def tell(narrator: Narrator, *lines: str) -> list[str]:
    """Return all that is told of these lines."""
    return [told for line in lines for told in narrator.feed(line)] + narrator.flush()


def test_a_request_that_passes(narrator):
    assert tell(narrator, access()) == ["12:01:22.123 200 pass   GET /  3 ms"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_a_blocked_request_is_one_line_in_whatever_order_its_records_come(narrator, order):
    records = [access(status=403, verdict="block"), audit(SQLI, SCORE), DENIED]
    (told,) = tell(narrator, *(records[one] for one in order))
    assert told == (
        "12:01:22.123 403 block  GET /?id=1"
        "  942100 SQL Injection Attack Detected via libinjection, score 5  3 ms"
    )


def test_more_than_one_rule(narrator):
    records = [SQLI, ("942190", "Another"), SQLI, ("941100", "A third"), SCORE]
    (told,) = tell(narrator, audit(*records))
    assert told == (
        "12:01:22 403 block  GET /?id=1  942100 SQL Injection Attack Detected via libinjection,"
        " also 942190 941100, score 5"
    )


def test_the_most_severe_rule_comes_first(narrator):
    rules = {"920350": "4", "1": "", "942100": "2", "942190": "2"}
    messages = [
        {"message": f"Rule {rule}", "details": {"ruleId": rule, "severity": severity}}
        for rule, severity in rules.items()
    ]
    (told,) = tell(narrator, audit(messages=messages))
    assert told == "12:01:22 403 block  GET /?id=1  942100 Rule 942100, also 942190 920350 1"


def test_rules_of_a_request_that_passes(narrator):
    (told,) = tell(narrator, access(), audit(SQLI, status=200))
    assert told == (
        "12:01:22.123 200 pass   GET /?id=1"
        "  942100 SQL Injection Attack Detected via libinjection  3 ms"
    )


def test_a_request_that_only_the_error_log_explains(narrator):
    (told,) = tell(narrator, access(status=403, verdict="block"), DENIED)
    assert told == (
        "12:01:22.123 403 block  GET /"
        "  949110 Inbound Anomaly Score Exceeded (Total Score: 5)  3 ms"
    )


def test_a_line_of_the_error_log_alone_passes_through(narrator):
    assert tell(narrator, DENIED) == [DENIED]


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ({"status": 403}, "block "),
        ({"status": 403, "is_interrupted": False}, "pass  "),
        ({"status": 400, "is_interrupted": True}, "block "),
        ({"status": 200}, "pass  "),
    ],
)
def test_the_verdict_of_an_audit_record_alone(narrator, given, verdict):
    assert tell(narrator, audit(**given)) == [
        f"12:01:22 {given['status']} {verdict} GET /?id=1",
    ]


def test_a_line_waits_for_what_the_other_log_says(narrator, clock):
    assert narrator.feed(access(verdict="block", status=403)) == []
    clock.now += HOLD_SECONDS / 2
    assert narrator.feed(audit(SQLI)) == []
    assert narrator.due() == []
    clock.now += HOLD_SECONDS / 2
    assert len(narrator.due()) == 1
    assert narrator.due() == narrator.flush() == []


def test_a_request_is_told_although_others_keep_coming(narrator, clock):
    assert narrator.feed(access(path="/first")) == []
    clock.now += HOLD_SECONDS
    assert narrator.feed(access(id="other")) == ["12:01:22.123 200 pass   GET /first  3 ms"]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "waf: listening on 127.0.0.1:8080, 2 workers",
        "2026/11/23 12:01:22 [error] 7#7: *2 connect() failed (111: Connection refused)",
        "2026/11/23 12:01:22 [warn] 7#7: ModSecurity: something without an id",
        "{not JSON",
        "[1, 2]",
        "{}",
        '{"transaction": []}',
        '{"transaction": {"unique_id": 5}}',
        '{"http": {"request": {"id": 5}, "response": {"status_code": 200}}, "url": {"path": "/"}}',
        '{"http": {"request": {"id": "a"}, "response": 200}, "url": {"path": "/"}}',
        '{"http": [], "url": {"path": {}}}',
    ],
)
def test_anything_else_passes_through_at_once(narrator, line):
    assert narrator.feed(line) == [line]
    assert narrator.flush() == []


@pytest.mark.parametrize(
    "record",
    [
        {"messages": None},
        {"messages": [None, {"message": None}, {"details": []}]},
        {"request": None, "response": None},
        {"time_stamp": None},
    ],
)
def test_a_record_that_is_not_as_expected_is_told_all_the_same(narrator, record):
    assert len(tell(narrator, audit(SQLI, **record))) == 1


@pytest.mark.parametrize(
    ("duration", "told"),
    [
        (0, "0 ms"),
        (120_000_000, "120 ms"),
        (10**9, "1.0 s"),
        (12_340_000_000, "12.3 s"),
        ("1", ""),
        (None, ""),
    ],
)
def test_how_long_it_took(narrator, duration, told):
    (line,) = tell(narrator, access(nanoseconds=duration))
    assert line == f"12:01:22.123 200 pass   GET /  {told}".rstrip()


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("2026-11-23T12:01:22+01:00", "12:01:22"),
        ("2026-11-23T12:01:22.5Z", "12:01:22.5"),
        ("Mon Nov 23 12:01:22 2026", "12:01:22"),
        (1795431682.123, time.strftime("%H:%M:%S.123", time.localtime(1795431682))),
        ("soon", "soon"),
        ("", "-"),
        ("1e99", "1e99"),
    ],
)
def test_when_it_was(narrator, when, told):
    (line,) = tell(narrator, access(time=when))
    assert line == f"{told} 200 pass   GET /  3 ms"


def test_long_things_are_cut(narrator):
    long = {"request": {"method": "GET", "uri": "/" + "a" * 500}}
    assert tell(narrator, access(), audit(("1", "b" * 500), **long)) == [
        f"12:01:22.123 200 pass   GET /{'a' * 98}…  1 {'b' * 89}…  3 ms"
    ]


def test_control_characters_cannot_move_the_cursor(narrator):
    told = tell(narrator, access(path="/\x1b[2J\r\u202e\x9b", method="G\nT"), "x\x1b]0;y\x07\tz")
    assert told == [
        "x\\x1b]0;y\\x07\tz",
        "12:01:22.123 200 pass   G\\nT /\\x1b[2J\\r\\u202e\\x9b  3 ms",
    ]


def test_what_people_write_stays_readable(narrator):
    assert tell(narrator, access(path="/grüße/日本")) == [
        "12:01:22.123 200 pass   GET /grüße/日本  3 ms"
    ]
