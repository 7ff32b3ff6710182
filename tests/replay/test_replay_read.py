"""Traffic from files: both logs, HAR, packed, torn, and whatever else lies there."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from traffic import Waf, access, audit, entry, message

from waf_builder.inspect import files
from waf_builder.inspect.logline import HELD
from waf_builder.inspect.request import RequestError
from waf_builder.paths import builtin_templates
from waf_builder.replay.logs import _GATES, from_logs
from waf_builder.replay.outcome import Outcome
from waf_builder.replay.read import of_hosts, traffic
from waf_builder.replay.replay import replay
from waf_builder.replay.seen import Seen, Skipped

if TYPE_CHECKING:
    from pathlib import Path


def read(*lines: str) -> tuple[list[Seen], Skipped]:
    skipped = Skipped()
    return list(from_logs(enumerate(lines, 1), "log", skipped)), skipped


def one(*lines: str) -> Seen:
    ((seen,), skipped) = read(*lines)
    assert skipped == Skipped()
    return seen


class TestAccess:
    def test_a_request_with_its_query(self):
        seen = one(access("/a", query="b=1"))
        assert (seen.request.method, seen.request.target, seen.request.host) == (
            "GET",
            "/a?b=1",
            "a.test",
        )
        assert (seen.place, seen.refused, seen.logged, seen.whole) == ("log:1", False, True, True)

    @pytest.mark.parametrize(
        ("query", "whole"),
        [(None, False), ("", True), ("a=1", True), ("a=&b=", False), ("a=&b=1", True), ("a", True)],
    )
    def test_a_query_may_be_masked_or_left_out(self, query: str | None, whole: bool):
        assert one(access("/a", query=query)).whole is whole

    @pytest.mark.parametrize(("method", "whole"), [("HEAD", True), ("POST", False), ("PUT", False)])
    def test_a_body_is_not_in_a_log(self, method: str, whole: bool):
        assert one(access("/a", method=method)).whole is whole

    @pytest.mark.parametrize(
        ("action", "refused"),
        [("block", True), ("reject", True), ("pass", False), ("detect", False), ("off", False),
         ("", False)],
    )  # fmt: skip
    def test_what_came_of_it(self, action: str, refused: bool):
        assert one(access("/a", action=action)).refused is refused

    @pytest.mark.parametrize(
        "action", ["access", "basic_auth", "limit", "client_ip", "https_only", "canonical_host"]
    )
    def test_what_a_gate_answered_says_nothing_of_rules(self, action: str):
        assert read(access("/a", action=action)) == ([], Skipped(gates=1))

    def test_every_gate_that_the_templates_log_is_one_here(self):
        texts = [file.read_text() for file in builtin_templates().rglob("*.conf.j2")]
        named = {name for text in texts for name in re.findall(r"set \$waf_mode (\w+);", text)}
        logged = {name for text in texts for name in re.findall(r'"~\^gate:.*" (\w+);', text)}
        assert len(named) > 3
        assert len(logged) > 1
        assert (named - {"gate"}) | (logged - {"reject"}) == _GATES

    def test_what_nginx_could_not_read_cannot_be_asked(self):
        assert read(access("", method="", action="reject", status=400)) == ([], Skipped(unclear=1))

    def test_a_refusal_alone_does_not_say_what_for(self):
        assert one(access("/a", action="block", status=403)).explained is False

    def test_a_platform_writes_something_before_it(self):
        line = f"2026-11-26 17:44:22.100 +0100 CET [web-1] {access('/a')}"
        assert one(line).request.target == "/a"


class TestAudit:
    def test_has_the_whole_query_and_why(self):
        seen = one(audit("/a?q=x", message(942100)))
        assert (seen.request.target, seen.refused, seen.explained) == ("/a?q=x", True, True)
        assert seen.why == ((942100, "Rule 942100"),)
        assert seen.whole

    @pytest.mark.parametrize(
        ("target", "method", "explained"),
        [
            ("ARGS:q", "GET", True),
            ("ARGS_NAMES:q", "GET", True),
            ("REQUEST_URI", "POST", True),
            ("ARGS:q", "POST", False),
            ("REQUEST_COOKIES:a", "GET", False),
            ("REQUEST_HEADERS:User-Agent", "GET", False),
            ("ARGS_POST:a", "POST", False),
        ],
    )
    def test_says_whether_the_request_line_explains_it(
        self, target: str, method: str, explained: bool
    ):
        line = audit("/a?q=x", message(942100, target), method=method)
        assert one(line).explained is explained

    @pytest.mark.parametrize(
        ("status", "engine", "refused"),
        [(403, "Enabled", True), (403, "DetectionOnly", False), (404, "Enabled", False),
         (200, "Enabled", False), (400, "Enabled", False)],
    )  # fmt: skip
    def test_alone(self, status: int, engine: str, refused: bool):
        line = audit("/a?q=x", message(942100), status=status, engine=engine)
        assert one(line).refused is refused

    def test_a_body_that_could_not_be_read(self):
        seen = one(audit("/a", message(200002), status=400, method="POST"))
        assert (seen.refused, seen.explained) == (True, False)


class TestBoth:
    @pytest.mark.parametrize("turned", [False, True])
    def test_are_one_request(self, turned: bool):
        both = [
            access("/a", query=None, action="block", status=403, key="k"),
            audit("/a?q=x", message(942100), key="k"),
        ]
        seen = one(*(reversed(both) if turned else both))
        assert (seen.request.target, seen.request.host) == ("/a?q=x", "a.test")
        assert (seen.whole, seen.refused, seen.explained) == (True, True, True)

    def test_one_id_for_two_requests_loses_none(self):
        seen, _ = read(access("/a", key="k"), access("/b", key="k"))
        assert [each.request.target for each in seen] == ["/a", "/b"]

    def test_no_more_wait_than_are_held(self):
        skipped = Skipped()
        lines = ((number, access(f"/{number}")) for number in range(HELD + 10))
        requests = from_logs(lines, "log", skipped)
        assert next(requests).request.target == "/0"
        assert next(lines)[0] == HELD + 1


class TestSkipped:
    def test_other_lines_are_no_mistake(self):
        seen, skipped = read("nginx: hello", "", '{"app": 1}', "2026/11/26 [notice] x", access())
        assert (len(seen), skipped) == (1, Skipped(others=3))

    def test_the_first_malformed_one_is_named(self):
        seen, skipped = read(access(), '{"@timestamp": "torn', "{", access())
        assert len(seen) == 2
        assert (skipped.malformed, skipped.first) == (2, "log:2: not JSON, or not all of it")

    @pytest.mark.parametrize("line", ["{" + '"a":{' * 100_000, '{"a":' + "[" * 100_000])
    def test_depth_is_no_way_out(self, line: str):
        assert read(line)[1].malformed == 1

    @pytest.mark.parametrize(
        "record",
        [
            {"transaction": {"unique_id": "k"}},
            {"transaction": {"unique_id": "k", "request": 1, "messages": 1}},
            {"transaction": {"unique_id": "k", "request": {"method": 1, "uri": []}}},
        ],
    )
    def test_a_record_that_is_none(self, record: object):
        assert read(json.dumps(record))[1].first == "log:1: not a record as the WAF writes it"

    def test_a_line_without_end(self, tmp_path: Path):
        file = tmp_path / "log"
        file.write_text(f"{access('/a')}\n{'{' * (3 * files.MAX_LINE)}\n{access('/b')}\n")
        skipped = Skipped()
        seen = list(traffic([str(file)], skipped))
        assert [each.request.target for each in seen] == ["/a", "/b"]
        assert skipped.first == f"{file}:2: the line is too long for one of a log"


class TestHar:
    def read(self, tmp_path: Path, *entries: object, name: str = "x.har"):
        file = tmp_path / name
        file.write_text(json.dumps({"log": {"entries": entries}}))
        skipped = Skipped()
        return list(traffic([str(file)], skipped)), skipped

    @pytest.mark.parametrize(
        ("status", "id_", "text", "refused"),
        [
            (200, "", "", False),
            (403, "", "go away", False),  # the app's own
            (403, "i1", "no, i1", True),
            (403, "i1", "<center>nginx</center>", True),
            (403, "i1", "go away", False),
            (404, "i1", "i1", False),
            (405, "i1", '{"request_id": "i1"}', True),
        ],
    )
    def test_whose_answer_it_was(
        self, tmp_path: Path, status: int, id_: str, text: str, refused: bool
    ):
        ((seen,), _) = self.read(tmp_path, entry("http://a.test/x", status, text=text, id_=id_))
        assert (seen.refused, seen.logged, seen.whole) == (refused, False, True)

    @pytest.mark.parametrize(
        "given",
        [
            entry("http://a.test/x", 0),
            entry("http://a.test/x", 403, text=None, id_="i1"),
            {"request": entry("http://a.test/x")["request"]},
        ],
    )
    def test_nobody_can_say(self, tmp_path: Path, given: object):
        assert self.read(tmp_path, given) == ([], Skipped(unclear=1))

    def test_an_entry_that_is_no_request_is_counted(self, tmp_path: Path):
        seen, skipped = self.read(tmp_path, 1, entry("http:///"), entry("http://a.test/x"))
        assert (len(seen), skipped.malformed) == (1, 2)
        assert skipped.first.startswith(f"{tmp_path}/x.har: entry 1 is not a request")

    @pytest.mark.parametrize("url", ["wss://a.test/live", "data:image/png;base64,AA", "blob:x"])
    def test_what_is_no_http_is_no_mistake(self, tmp_path: Path, url: str):
        assert self.read(tmp_path, entry(url)) == ([], Skipped(others=1))

    @pytest.mark.parametrize(("size", "whole"), [(None, True), (-1, True), (0, True), (9, False)])
    def test_a_body_that_a_browser_left_out(self, tmp_path: Path, size: object, whole: bool):
        given = entry("http://a.test/upload", method="POST")
        given["request"]["bodySize"] = size
        ((seen,), _) = self.read(tmp_path, given)
        assert (seen.whole, seen.explained) == (whole, whole)

    def test_a_body_that_it_kept(self, tmp_path: Path):
        given = entry("http://a.test/form", method="POST")
        given["request"] |= {"bodySize": 3, "postData": {"mimeType": "text/plain", "text": "a=b"}}
        ((seen,), _) = self.read(tmp_path, given)
        assert (seen.whole, seen.request.body) == (True, b"a=b")

    @pytest.mark.parametrize(
        ("hosts", "targets"),
        [
            ((), ["/1", "/2", "/3"]),
            (("a.test",), ["/1", "/3"]),
            (("A.test", "b.test"), ["/1", "/2", "/3"]),
            (("c.test",), []),
        ],
    )
    def test_only_some_hosts(self, tmp_path: Path, hosts: tuple[str, ...], targets: list[str]):
        urls = ["http://a.test/1", "http://b.test/2", "http://a.test:8080/3"]
        seen, skipped = self.read(tmp_path, *map(entry, urls))
        kept = [one.request.target for one in of_hosts(seen, hosts, skipped)]
        assert kept == targets
        assert skipped.elsewhere == 3 - len(targets)

    def test_by_its_first_bytes_too(self, tmp_path: Path):
        assert len(self.read(tmp_path, entry("http://a.test/x"), name="saved")[0]) == 1

    def test_one_that_ends_too_early_is_read_that_far(self, tmp_path: Path):
        file = tmp_path / "x.har"
        text = json.dumps({"log": {"entries": [entry("http://a.test/x")] * 3}})
        file.write_text(text[:-60])
        skipped = Skipped()
        assert len(list(traffic([str(file)], skipped))) == 2
        assert skipped.first.startswith(f"{file} is not JSON after entry 2: ")

    @pytest.mark.parametrize("text", ["", "{", '{"log": {}}', '{"log": {"entries": []}}', "[]"])
    def test_one_without_entries_is_an_error(self, tmp_path: Path, text: str):
        file = tmp_path / "x.har"
        file.write_text(text)
        with pytest.raises(RequestError, match=r"x\.har"):
            list(traffic([str(file)], Skipped()))

    @pytest.mark.parametrize(
        "changed",
        [
            {"method": "GET / HTTP/1.1\r\nX: y\r\n\r\n"},
            {"headers": [{"name": "A", "value": "b\r\nC: d"}]},
            {"headers": [{"name": "A b", "value": "c"}]},
        ],
    )
    def test_nothing_is_smuggled(self, tmp_path: Path, changed: dict[str, object]):
        given = entry("http://a.test/x")
        given["request"] |= changed
        assert self.read(tmp_path, given)[1].malformed == 1


class TestFiles:
    @pytest.mark.parametrize("name", ["log", "log.gz"])
    def test_packed_or_not(self, tmp_path: Path, name: str):
        file = tmp_path / name
        data = f"{access('/a')}\n".encode()
        file.write_bytes(gzip.compress(data) if name == "log.gz" else data)
        told: list[int] = []
        (seen,) = traffic([str(file)], Skipped(), told.append)
        assert seen.place == f"{file}:1"
        assert sum(told) == file.stat().st_size

    @pytest.mark.parametrize("packed", [False, True])
    def test_standard_input(self, monkeypatch: pytest.MonkeyPatch, packed: bool):
        data = json.dumps({"log": {"entries": [entry("http://a.test/x")]}}).encode()
        stream = io.TextIOWrapper(io.BytesIO(gzip.compress(data) if packed else data))
        monkeypatch.setattr(sys, "stdin", stream)
        (seen,) = traffic(["-"], Skipped())
        assert seen.place == "standard input: entry 1"

    @pytest.mark.parametrize("cut", [5, 20, -4])
    def test_torn_packing_is_one_clear_error(self, tmp_path: Path, cut: int):
        file = tmp_path / "log.gz"
        file.write_bytes(gzip.compress(f"{access('/a')}\n".encode())[:cut])
        with pytest.raises(RequestError, match=r"log\.gz cannot be (?:read|unpacked): "):
            list(traffic([str(file)], Skipped()))

    def test_damaged_packing(self, tmp_path: Path):
        data = bytearray(gzip.compress(access("/a").encode()))
        data[30:40] = b"\xff" * 10
        (tmp_path / "log.gz").write_bytes(data)
        with pytest.raises(RequestError, match="cannot be"):
            list(traffic([str(tmp_path / "log.gz")], Skipped()))

    def test_no_such_file(self, tmp_path: Path):
        with pytest.raises(RequestError, match="log cannot be read: No such file or directory"):
            list(traffic([str(tmp_path / "log")], Skipped()))

    @pytest.mark.parametrize("name", ["none.log", "a\0b", "x" * 5000])
    def test_what_is_not_there_is_told_before_anything_is_begun(self, name: str):
        with pytest.raises(RequestError, match="cannot be read: "):
            files.require_files(["-", name])

    def test_a_pipe_is_not_opened_to_look_for_it(self, tmp_path: Path):
        os.mkfifo(tmp_path / "pipe")
        files.require_files([str(tmp_path / "pipe"), "-"])

    def test_size(self, tmp_path: Path):
        (tmp_path / "a").write_bytes(b"12345")
        assert files.size((str(tmp_path / "a"), str(tmp_path / "a"))) == 10
        assert files.size((str(tmp_path / "a"), "-")) is None
        assert files.size(("\0",)) is None


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-9, 9) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def _spoilt(record: dict[str, object], path: tuple[str, ...], value: object) -> str:
    place = record
    for name in path[:-1]:
        place = place[name]  # type: ignore[assignment]
    place[path[-1]] = value
    return json.dumps(record)


_ACCESS = [("http", "request", "method"), ("url", "path"), ("url", "query"), ("url", "domain"),
           ("event", "action"), ("http", "response", "status_code")]  # fmt: skip
_AUDIT = [("transaction", name) for name in ("request", "response", "messages", "producer")] + [
    ("transaction", "request", "uri"), ("transaction", "request", "method"),
    ("transaction", "messages", 0, "details"), ("transaction", "messages", 0, "details", "ruleId"),
    ("transaction", "messages", 0, "details", "tags"),
]  # fmt: skip
_HAR = [("request",), ("response",), ("request", "url"), ("request", "method"),
        ("request", "headers"), ("response", "status"), ("response", "headers"),
        ("request", "postData")]  # fmt: skip

LINES = (
    st.binary(max_size=200)
    | st.builds(
        lambda path, value: _spoilt(json.loads(access("/a")), path, value).encode(),
        st.sampled_from(_ACCESS),
        _VALUES,
    )
    | st.builds(
        lambda path, value: _spoilt(
            json.loads(audit("/a?q=x", message(942100))), path, value
        ).encode(),
        st.sampled_from(_AUDIT),
        _VALUES,
    )
)
NO_LIMIT = settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def accounted(outcome: Outcome) -> int:
    """Return how many requests are in one of the numbers that a report shows."""
    told = outcome.found.total() + outcome.as_before
    return told + outcome.unexplained + outcome.lacking + outcome.unanswered


@NO_LIMIT
@given(st.lists(LINES, max_size=5))
@example([b'{"@timestamp":1,"http":{"request":{"id":"k"}}}'])
@example([access("/\ud800").encode()])
@example([audit("/\udcff?\ud800", message(942100)).encode()])
def test_no_line_is_a_way_out(tmp_path: Path, lines: list[bytes]):
    """Whatever stands there, it is a request, is counted, or is one clear error."""
    file = tmp_path / "log"
    file.write_bytes(b"\n".join(lines))
    skipped = Skipped()
    try:
        outcome = replay(Waf(), traffic([str(file)], skipped), skipped)
    except RequestError:
        return
    assert outcome.requests <= len(lines) + sum(line.count(b"\n") for line in lines)
    assert outcome.requests == accounted(outcome)
    json.dumps(outcome.as_json())


@NO_LIMIT
@given(st.sampled_from(_HAR), _VALUES)
@example(("request", "url"), "http://a.test/\ud800")
@example(("request", "headers"), [{"name": "A", "value": "\ud800é"}])
@example(("request", "postData"), {"text": "x", "encoding": "base64"})
@example(("request", "postData"), {"params": [{"name": "\ud800"}]})
def test_no_entry_is_a_way_out(tmp_path: Path, path: tuple[str, ...], value: object):
    file = tmp_path / "x.har"
    spoilt = _spoilt(entry("http://a.test/x"), path, value)
    file.write_text(f'{{"log": {{"entries": [{spoilt}, {json.dumps(entry("http://a.test/y"))}]}}}}')
    skipped = Skipped()
    outcome = replay(Waf(), traffic([str(file)], skipped), skipped)
    assert 1 <= outcome.requests <= 2
    assert outcome.requests + skipped.malformed + skipped.unclear + skipped.others == 2
    assert outcome.requests == accounted(outcome)


@NO_LIMIT
@given(st.binary(max_size=300))
def test_no_har_is_a_way_out(tmp_path: Path, data: bytes):
    file = tmp_path / "x.har"
    file.write_bytes(b'{"log": {"entries": [' + data)
    skipped = Skipped()
    try:
        outcome = replay(Waf(), traffic([str(file)], skipped), skipped)
    except RequestError:
        return
    assert (outcome.requests, skipped.malformed > 0) == (0, True)
