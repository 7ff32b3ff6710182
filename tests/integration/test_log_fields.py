"""What the fields of an access line mean: names and units of the Elastic Common Schema."""

from __future__ import annotations

import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest
from support.answers import slow
from support.client import Connection, request
from support.waf import mark

if TYPE_CHECKING:
    from support.backends import Backend
    from support.waf import Waf

pytestmark = pytest.mark.nginx

ROUTER = "127.0.2.7"
"""In client_ip.trusted of specs/main.yaml."""
SECOND = 10**9
START = 1693406590527


class TestDurations:
    """Each is a number of nanoseconds, or null."""

    def test_a_slow_backend_is_told_from_the_waf(self, waf: Waf, site: Backend):
        marker = mark()
        site.on(f"/{marker}", slow(0.3))
        waf.ask(f"/{marker}")
        line = waf.access(marker)
        assert line["waf.duration"] < 0.25 * SECOND
        assert 0.3 * SECOND <= line["waf.backend.first_byte"] <= line["waf.backend.duration"]
        both = line["waf.duration"] + line["waf.backend.duration"]
        assert both <= line["event.duration"] + 0.002 * SECOND, "each is rounded to 1 ms"

    def test_a_slow_client_counts_before_the_backend(self, waf: Waf):
        """What nginx cannot tell: how much of it is the rules', and how much the client's."""
        marker = mark()
        data = request(f"/{marker}", method="POST", body=b"a=1")
        with Connection(waf.address) as connection:
            connection.send(data[:-1])
            threading.Event().wait(0.3)
            connection.send(data[-1:])
            assert connection.read().status == 200
        line = waf.access(marker)
        # nginx counts from when it has read the beginning, which is later on a busy machine.
        assert 0.25 * SECOND <= line["waf.duration"] <= line["event.duration"]
        assert line["waf.backend.duration"] < 0.25 * SECOND

    def test_more_than_a_second(self, waf: Waf, site: Backend):
        marker = mark()
        site.on(f"/{marker}", slow(1.05))
        waf.ask(f"/{marker}")
        assert SECOND < waf.access(marker)["event.duration"] < 5 * SECOND

    def test_of_a_backend_that_was_not_asked(self, waf: Waf):
        marker = mark()
        waf.ask(f"/read/{marker}", method="DELETE")
        line = waf.access(marker)
        parts = ("connect", "first_byte", "duration")
        assert [line[f"waf.backend.{part}"] for part in parts] == [None] * 3
        assert line["waf.duration"] == line["event.duration"]

    def test_the_header_that_takes_the_time_never_arrives(self, waf: Waf, site: Backend):
        waf.ask("/forwarded", headers={"Forwarded": "for=198.51.100.66"})
        assert site.only("/forwarded").header("Forwarded") is None


class TestRequestStart:
    @pytest.mark.parametrize(
        "header",
        [
            "t=1693406590.527",
            "1693406590.527",
            "t=1693406590.527123",
            "t=1693406590527",
            "1693406590527",
            "1693406590527.25",
            "t=1693406590527123",
        ],
    )
    def test_of_the_router_is_milliseconds(self, waf: Waf, header: str):
        marker = mark()
        waf.ask(f"/{marker}", headers={"X-Request-Start": header}, source=ROUTER)
        assert waf.access(marker)["waf.request_start"] == START

    @pytest.mark.parametrize(
        "header",
        ["", "t=", "now", "0", "t=01693406590527", "1693406590", "-1693406590527", "1e12", '1"},{'],
    )
    def test_that_is_none_is_null(self, waf: Waf, header: str):
        marker = mark()
        waf.ask(f"/{marker}", headers={"X-Request-Start": header}, source=ROUTER)
        assert waf.access(marker)["waf.request_start"] is None

    def test_of_anybody_else_is_null(self, waf: Waf):
        marker = mark()
        waf.ask(f"/{marker}", headers={"X-Request-Start": f"t={START}"})
        assert waf.access(marker)["waf.request_start"] is None

    def test_gives_the_time_in_the_queue(self, waf: Waf):
        """The arithmetic that the reference page describes."""
        marker = mark()
        now = datetime.now(timezone.utc).timestamp()
        header = {"X-Request-Start": f"t={now - 2:.3f}"}
        waf.ask(f"/{marker}", headers=header, source=ROUTER)
        line = waf.access(marker)
        done = datetime.fromisoformat(line["@timestamp"]).timestamp()
        queue = done - line["event.duration"] / SECOND - line["waf.request_start"] / 1000
        assert 1.99 <= queue < 4


def test_the_size_of_a_request_is_that_of_its_head_and_body(waf: Waf):
    marker = mark()
    data = request(f"/{marker}", method="POST", body=b"a=1")
    waf.send(data)
    assert waf.access(marker)["http.request.bytes"] == len(data)
