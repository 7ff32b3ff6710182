"""`inspect_responses`: what cannot leave any more, what still can, and what is not held up."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from support import engines
from support import waf as wafs
from support.answers import events, text
from support.client import Connection, request
from support.waf import mark

from waf_builder.version import Version

if TYPE_CHECKING:
    from pathlib import Path

    from support.answers import Exchange
    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

CRS_4 = os.environ.get("WAF_BUILDER_TEST_CRS_4", "")
_NO_CRS_4 = "no CRS 4 is in Debian: WAF_BUILDER_TEST_CRS_4=DIR has one"
FULL_AUDIT = Version(1, 0, 4)
"""The first connector that keeps the record of a response that it cuts."""
HELD = 256 * 1024
"""Bytes of a response that wait until the rules have read all of it."""
SPEC = """\
backend: {host: site.internal, port: @PORT@}
workers: 1
waf: {inspect_responses: true}
routes:
  - {path: /}
  - {path: /unread/, waf: {inspect_responses: false}}
  - {path: /detect/, waf: {mode: detect}}
  - {path: /off/, waf: {mode: "off"}}
  - {path: /tolerant/, waf: {outbound_anomaly_threshold: 1000}}
  - {path: /events/, streaming: true}
  - {path: /ws/, websocket: true}
"""
SQL = (
    b"<p>You have an error in your SQL syntax; check the manual that corresponds to your MySQL "
    b"server version for the right syntax to use near 'dolphin' at line 1</p>"
)
LEAKS = {
    "sql": ("text/html", SQL, b"dolphin"),
    "php": (
        "text/html; charset=utf-8",
        (
            b"<br />\n<b>Warning</b>:  include(/srv/dolphin.php): failed to open stream: No such "
            b"file in <b>/srv/index.php</b> on line <b>3</b><br />"
        ),
        b"dolphin",
    ),
    "php-source": ("text/plain", b"<?php\n$dolphin = fopen($_GET['x'], 'r');\n?>\n", b"dolphin"),
    "directory": (
        "text/html",
        b"<html><head><title>Index of /dolphin</title></head><body><h1>Index of /dolphin</h1>",
        b"dolphin",
    ),
    "java": (
        "application/json",
        b'{"trace": "java.lang.NullPointerException\\n\\tat org.dolphin.Shop.buy(Shop.java:7)"}',
        b"dolphin",
    ),
    "problem": ("application/problem+json", b'{"detail": "%s"}' % SQL, b"dolphin"),
    "xml": ("application/xml", b"<e>%s</e>" % SQL.replace(b"'", b""), b"dolphin"),
}
Answer = Callable[["Exchange"], None]


@pytest.fixture(
    scope="module",
    params=[
        "own",
        pytest.param("crs-4", marks=pytest.mark.skipif(not CRS_4, reason=_NO_CRS_4)),
    ],
)
def leaks(
    request: pytest.FixtureRequest,
    engine: Engine,
    trees: Path,
    dns: NameServer,
    fleet: list[Backend],
) -> Iterator[Waf]:
    """A WAF that inspects responses, but for some routes."""
    dns.set("site.internal", fleet[0].name)
    tree = trees / mark()
    spec = SPEC.replace("@PORT@", str(fleet[0].port))
    if request.param == "crs-4":
        wafs.render(spec, tree, engines.with_rules(engine, CRS_4), "--crs", CRS_4)
    else:
        wafs.render(spec, tree, engine)
    with wafs.running(tree, resolver=dns.address) as waf:
        waf.await_backend("/")
        yield waf


def seen(
    waf: Waf, target: str, method: str = "GET", headers: Sequence[tuple[str, str]] = ()
) -> bytes:
    """Return every byte that a client gets until the connection ends."""
    given = [("Connection", "close"), *headers]
    with Connection(waf.address) as connection:
        connection.send(request(target, method=method, headers=given))
        with suppress(ConnectionResetError):
            return connection.stream.to_end()
    return b""


def in_pieces(body: bytes, content_type: str) -> Answer:
    """Answer as many servers do: in chunks, or until the end of the connection for HTTP/1.0."""

    def answer(exchange: Exchange) -> None:
        exchange.keep = False
        old = b"HTTP/1.0" in exchange.request.line
        framing = "Connection: close" if old else "Transfer-Encoding: chunked"
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{framing}\r\n\r\n"
        exchange.send(head.encode())
        for start in range(0, len(body), 8000):
            piece = body[start : start + 8000]
            exchange.send(piece if old else b"%x\r\n%s\r\n" % (len(piece), piece))
        if not old:
            exchange.send(b"0\r\n\r\n")

    return answer


@pytest.mark.parametrize("leak", LEAKS)
class TestEachShape:
    def test_does_not_leave(self, leaks: Waf, site: Backend, leak: str):
        content_type, body, secret = LEAKS[leak]
        marker = mark()
        site.on(f"/{marker}", text(body, content_type=content_type))
        assert secret not in seen(leaks, f"/{marker}")
        assert len(site.received(f"/{marker}")) == 1

    def test_leaves_where_responses_are_not_read(self, leaks: Waf, site: Backend, leak: str):
        content_type, body, _ = LEAKS[leak]
        for path in ("/unread/", "/off/"):
            marker = mark()
            site.on(f"{path}{marker}", text(body, content_type=content_type))
            assert leaks.ask(f"{path}{marker}").body == body
            assert not leaks.has_audit(marker)

    def test_leaves_in_detect_mode_and_is_named(self, leaks: Waf, site: Backend, leak: str):
        content_type, body, _ = LEAKS[leak]
        marker = mark()
        site.on(f"/detect/{marker}", text(body, content_type=content_type))
        assert leaks.ask(f"/detect/{marker}").body == body
        assert any(950_000 <= rule < 957_000 for rule in leaks.rules(marker))


@pytest.mark.parametrize("where", ["start", "end"])
@pytest.mark.parametrize("size", [2_000, 40_000, HELD - 20_000])
@pytest.mark.parametrize("form", ["whole", "pieces"])
def test_the_size_of_the_page_does_not_matter(
    leaks: Waf, site: Backend, form: str, size: int, where: str
):
    padding = b"<p>all is well</p>\n" * (size // 19)
    body = SQL + padding if where == "start" else padding + SQL
    marker = mark()
    answer = (
        text(body, content_type="text/html") if form == "whole" else in_pieces(body, "text/html")
    )
    site.on(f"/{marker}", answer)
    assert seen(leaks, f"/{marker}") == b"", "nothing at all: no status line either"


def test_the_start_of_a_longer_page_can_leave(leaks: Waf, site: Backend):
    """What README says. The backend does not send the rest before the client has the start."""
    body = SQL + b"<p>all is well</p>\n" * (4 * HELD // 19)
    arrived = threading.Event()

    def answer(exchange: Exchange) -> None:
        exchange.keep = False
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body[: 2 * HELD])
        arrived.wait(20)
        exchange.send(body[2 * HELD :])

    marker = mark()
    site.on(f"/{marker}", answer)
    with Connection(leaks.address) as connection:
        connection.send(request(f"/{marker}", headers={"Connection": "close"}))
        got = connection.stream.until(b"dolphin")
        arrived.set()
        with suppress(ConnectionResetError):
            got += connection.stream.to_end()
    assert len(got) < len(body)


class TestCompressed:
    @pytest.mark.parametrize("coding", ["gzip", "br", "GZIP, identity"])
    @pytest.mark.parametrize("content_type", ["text/html", "application/json; charset=utf-8"])
    def test_all_the_same_is_502(self, leaks: Waf, site: Backend, coding: str, content_type: str):
        marker = mark()
        headers = [("Content-Encoding", coding)]
        site.on(f"/{marker}", text(gzip.compress(SQL), "200 OK", content_type, headers))
        response = leaks.ask(f"/{marker}", headers={"Accept-Encoding": "gzip"})
        assert response.status == 502
        assert gzip.compress(SQL)[10:] not in response.body
        assert site.only(f"/{marker}").header("Accept-Encoding") is None

    @pytest.mark.parametrize(
        ("path", "content_type", "coding"),
        [
            ("/", "text/html", "identity"),
            ("/", "text/css", "gzip"),
            ("/", "image/svg+xml", "gzip"),
            ("/unread/", "text/html", "gzip"),
            ("/detect/", "text/html", "gzip"),
            ("/off/", "text/html", "gzip"),
            ("/events/", "text/html", "gzip"),
        ],
    )
    def test_passes_where_no_rule_would_read_it(
        self, leaks: Waf, site: Backend, path: str, content_type: str, coding: str
    ):
        marker = mark()
        headers = [("Content-Encoding", coding)]
        site.on(f"{path}{marker}", text(b"hello", "200 OK", content_type, headers))
        response = leaks.ask(f"{path}{marker}")
        assert (response.status, response.body) == (200, b"hello")

    def test_is_asked_for_where_responses_are_not_read(self, leaks: Waf, site: Backend):
        for path in ("/unread/", "/off/", "/events/"):
            leaks.ask(f"{path}x", headers={"Accept-Encoding": "gzip"})
            assert site.only(f"{path}x").header("Accept-Encoding") == "gzip"


class TestPasses:
    def test_what_leaks_nothing(self, leaks: Waf, site: Backend):
        page = b"<p>all is well</p>\n" * 300_000
        for number, answer in enumerate(
            (text(page, content_type="text/html"), in_pieces(page, "text/html"))
        ):
            marker = mark()
            site.on(f"/{marker}", answer)
            assert leaks.ask(f"/{marker}").body == page, number

    def test_a_page_that_stays_below_the_threshold(self, leaks: Waf, site: Backend):
        marker = mark()
        site.on(f"/tolerant/{marker}", text(SQL, content_type="text/html"))
        assert leaks.ask(f"/tolerant/{marker}").body == SQL
        assert any(951_000 <= rule < 952_000 for rule in leaks.rules(marker))

    @pytest.mark.parametrize(
        ("method", "status"),
        [("HEAD", "200 OK"), ("GET", "304 Not Modified"), ("GET", "204 No Content")],
    )
    def test_a_response_without_a_body(self, leaks: Waf, site: Backend, method: str, status: str):
        def answer(exchange: Exchange) -> None:
            exchange.keep = False
            exchange.send(
                f'HTTP/1.1 {status}\r\nContent-Type: text/html\r\nETag: "a"\r\n\r\n'.encode()
            )

        marker = mark()
        site.on(f"/{marker}", answer)
        response = leaks.ask(f"/{marker}", method=method)
        assert response.status == int(status[:3])

    def test_the_app_s_own_errors(self, leaks: Waf, site: Backend):
        marker = mark()
        site.on(f"/{marker}", text(b"<h1>Sorry</h1>", "500 Internal Server Error", "text/html"))
        response = leaks.ask(f"/{marker}")
        assert (response.status, response.body) == (500, b"<h1>Sorry</h1>")


class TestEvents:
    @pytest.mark.parametrize("path", ["/events/", "/"])
    def test_are_not_held_up(self, leaks: Waf, site: Backend, path: str):
        """The second is not sent before the first has arrived."""
        release = threading.Semaphore(1)
        marker = mark()
        answer = events(release, [b"first", b"second"])
        site.on(f"{path}{marker}", answer if path != "/" else _unbuffered(release))
        with Connection(leaks.address, timeout=5) as connection:
            connection.send(request(f"{path}{marker}", headers={"Accept": "text/event-stream"}))
            connection.stream.until(b"data: first\n\n")
            release.release()
            connection.stream.until(b"data: second\n\n")

    def test_a_stream_s_route_is_not_inspected(self, leaks: Waf, site: Backend):
        """It passes before any rule could have read it."""
        marker = mark()
        site.on(f"/events/{marker}", text(SQL, content_type="text/html"))
        assert leaks.ask(f"/events/{marker}").body == SQL


def _unbuffered(release: threading.Semaphore) -> Answer:
    """Stream as an app does that tells nginx to hold nothing back."""

    def stream(exchange: Exchange) -> None:
        exchange.keep = False
        exchange.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nX-Accel-Buffering: no\r\n\r\n"
        )
        for message in (b"first", b"second"):
            if release.acquire(timeout=20):
                exchange.send(b"data: %s\n\n" % message)

    return stream


def test_the_record_names_the_rules_and_has_no_body(engine: Engine, leaks: Waf, site: Backend):
    marker = mark()
    path = "/detect/" if engine.connector_version < FULL_AUDIT else "/"
    site.on(f"{path}{marker}", text(SQL + b"<p>flamingo</p>", content_type="text/html"))
    seen(leaks, f"{path}{marker}")
    record = leaks.audit(marker)
    assert any(951_000 <= rule < 952_000 for rule in leaks.rules(marker))
    assert "body" not in record.get("response", {})
    quoted = [one["details"]["match"] for one in record["messages"]]
    assert not any("flamingo" in match for match in quoted), "more than 100 characters"


def test_a_cut_is_logged(leaks: Waf, site: Backend):
    marker = mark()
    site.on(f"/{marker}", text(SQL, content_type="text/html"))
    seen(leaks, f"/{marker}")
    assert leaks.stderr.wait_for(lambda line: marker in line and "(phase 4)" in line)


def test_a_websocket_route_still_reads_whole_pages(leaks: Waf, site: Backend):
    marker = mark()
    site.on(f"/ws/{marker}", text(SQL, content_type="text/html"))
    assert b"dolphin" not in seen(leaks, f"/ws/{marker}")
