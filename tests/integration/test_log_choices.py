"""What a spec can leave out of the log: lines, addresses, queries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.client import request
from support.waf import access_line, mark

if TYPE_CHECKING:
    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Line, Waf

    from waf_builder.engine.model import Engine

    from .conftest import Boot

pytestmark = pytest.mark.nginx

ROUTER = "127.0.2.7"
SPEC = """\
backend: {{host: choices.internal, port: {port}}}
client_ip: {{trusted: [127.0.2.0/24]}}
waf: {{mode: {mode}}}
workers: 1
logs: {logs}
"""
ATTACK = "q=%3Cscript%3Ealert(1)%3C/script%3E"


@pytest.fixture(scope="module")
def logging(engine: Engine, boot: Boot, dns: NameServer, fleet: list[Backend]):
    """Return a function that boots a WAF with this under `logs`."""
    dns.set("choices.internal", fleet[0].name)

    def waf(logs: str, mode: str = "block") -> Waf:
        return boot(SPEC.format(port=fleet[0].port, logs=logs, mode=mode), engine)

    return waf


@pytest.fixture(scope="module")
def careful(logging) -> Waf:
    waf: Waf = logging("{client_ip: truncated, query: masked}", '"off"')
    return waf


class TestSample:
    SHARE, ASKED = 0.25, 400

    def test_keeps_a_share_of_the_ordinary_lines_and_all_others(self, logging):
        waf = logging(f"{{sample: {self.SHARE}}}")
        marker = mark()
        for number in range(self.ASKED):
            assert waf.ask(f"/{marker}/{number}").status == 200
        for number in range(20):
            assert waf.ask(f"/{marker}/refused/{number}?{ATTACK}").status == 403
        waf.access(f"/{marker}/refused/19")
        lines = [line for line in waf.access_lines() if marker in line["url.path"]]
        ordinary = [line for line in lines if line["http.response.status_code"] == 200]
        assert len(lines) - len(ordinary) == 20
        # Five standard deviations: one run in two million is outside of it by chance.
        deviation = (self.ASKED * self.SHARE * (1 - self.SHARE)) ** 0.5
        assert abs(len(ordinary) - self.ASKED * self.SHARE) < 5 * deviation

    def test_is_not_chosen_by_who_names_the_request(self, logging):
        waf = logging(f"{{sample: {self.SHARE}}}")
        marker = mark()
        headers = {"X-Request-ID": "3f2b8c1e-0d4a-4c5b-9e6f-7a8b9c0d1e2f"}
        for _ in range(100):
            waf.ask(f"/{marker}", headers=headers, source=ROUTER)
        waf.ask(f"/{marker}/last?{ATTACK}")
        waf.access(f"/{marker}/last")
        lines = [line for line in waf.access_lines() if line["url.path"] == f"/{marker}"]
        assert 0 < len(lines) < 100


NETWORKS = {
    "203.0.113.77": "203.0.113.0",
    "203.0.113.0": "203.0.113.0",
    "10.0.0.255": "10.0.0.0",
    "2001:db8:1:2:3:4:5:6": "2001:db8:1::",
    "2001:db8:1:2::6": "2001:db8:1::",
    "2001:db8:1::6": "2001:db8:1::",
    "2001:db8::6": "2001:db8::",
    "2001::6": "2001::",
    "2001:db8:0:1::": "2001:db8:0::",
    "::ffff:203.0.113.77": "::ffff:203.0.113.0",
    "::1": "::",
    "fe80::1": "fe80::",
}


class TestClientIp:
    @pytest.mark.parametrize("address", NETWORKS)
    def test_truncated_is_the_network(self, careful: Waf, address: str):
        marker = mark()
        careful.ask(f"/{marker}", headers={"X-Real-IP": address}, source=ROUTER)
        assert careful.access(marker)["client.ip"] == NETWORKS[address]

    def test_the_backend_gets_the_whole_one(self, careful: Waf, site: Backend):
        careful.ask("/whole", headers={"X-Real-IP": "203.0.113.77"}, source=ROUTER)
        assert site.only("/whole").header("X-Real-IP") == "203.0.113.77"

    @pytest.mark.parametrize("choice", ["truncated", "off"])
    def test_only_the_audit_record_has_the_whole_one(self, logging, choice: str):
        """libmodsecurity writes it there; nginx's messages, which do too, are left out."""
        waf = logging(f"{{client_ip: {choice!r}}}")
        marker = mark()
        headers = {"X-Real-IP": "198.51.100.77"}
        assert waf.ask(f"/{marker}?{ATTACK}", headers=headers, source=ROUTER).status == 403
        line = waf.access(marker)
        assert line.get("client.ip") == {"truncated": "198.51.100.0", "off": None}[choice]
        assert waf.audit(marker)["client_ip"] == "198.51.100.77"
        assert [one for one in waf.stderr.lines if "198.51.100.77" in one] == []


MASKED = {
    "a=1&b=2": "a=&b=",
    "page=2": "page=",
    "filter%5Bname%5D=x&filter[age]=3": "filter%5Bname%5D=&filter[age]=",
    "a=1;token=s3cr3t": "a=",
    "a=1&a=2&a=3": "a=&a=&a=",
    "s3cr3t": "",
    "s3cr3t&a=1": "&a=",
    "s3cr3t=": "",
    "czNjcjN0==": "",
    "a=s3cr3t=s3cr3t": "a=",
    "a=&b=1": "&b=",
    "=s3cr3t": "",
    "s3cr3t@example.com=1&a=1": "&a=",
    "%73ecret=1&a=1": "&a=",
    "a?b=s3cr3t&c=1": "&c=",
    "a=1?s3cr3t&c=1": "a=&c=",
    "A_b.c-d:e=1": "A_b.c-d:e=",
    "x" * 41 + "=1": "",
    "x" * 7000: "",
    "a=" + "x" * 7000: "a=",
    "&&&a=1": "&a=",
    "&".join(f"p{number}=1" for number in range(20)): "&".join(f"p{n}=" for n in range(16)),
    'a="}{&b=\\': "a=&b=",
    "": "",
}


class TestQuery:
    @pytest.mark.parametrize("query", MASKED, ids=lambda query: query[:40])
    def test_masked_has_names_and_no_values(self, careful: Waf, query: str):
        assert asked(careful, query.encode())["url.query"] == MASKED[query]

    @pytest.mark.parametrize("path", [b"/a%3Fb=s3cr3t", b"/plain"])
    def test_masked_is_about_the_query_alone(self, careful: Waf, path: bytes):
        marker = mark()
        careful.send(request(f"/{marker}@").replace(b"@", path, 1))
        assert careful.access(marker)["url.query"] == ""

    @settings(max_examples=150)
    @given(
        parts=st.lists(
            st.sampled_from(
                [b"&", b"=", b";", b"?", b"a", b"token", b"%26", b"%3D", b"[", b"+", b"S3", b"S3="]
            )
            | st.binary(min_size=1, max_size=6).map(
                lambda raw: re.sub(rb"[\x00-\x20\x7f#]", b"S", raw)
            ),
            max_size=30,
        )
    )
    def test_no_value_is_ever_told(self, careful: Waf, parts: list[bytes]):
        query = b"".join(parts)
        told = asked(careful, query)["url.query"]
        pairs = [pair.partition(b"=") for pair in query.split(b"&")]
        names = {name.decode() + "=" for name, _, value in pairs if value and name.isascii()}
        assert {part for part in told.split("&") if part} <= names

    def test_full_is_all_of_it_that_is_text(self, logging):
        waf = logging("{client_ip: 'off', query: full}", '"off"')
        assert asked(waf, b'a=1&b="x\\y"%20')["url.query"] == 'a=1&b="x\\y"%20'
        assert asked(waf, b"a=caf\xc3\xa9&b=1")["url.query"] == "a=caf"

    def test_is_left_out_by_default(self, logging):
        line = asked(logging("{access: all}"), b"a=1")
        assert "url.query" not in line

    def test_of_a_refused_request_is_told(self, logging):
        """Its error page is an internal redirect, which has no query."""
        waf = logging("{query: masked}")
        marker = mark()
        assert waf.ask(f"/{marker}?{ATTACK}").status == 403
        assert waf.access(marker)["url.query"] == "q="


def asked(waf: Waf, query: bytes) -> Line:
    """Return the access line of a request with this query."""
    marker = mark()
    waf.send(request(f"/{marker}?@").replace(b"@", query, 1))
    text = waf.stderr.wait_for(lambda line: line.startswith("{") and marker in line)
    assert text
    text.encode()  # a surrogate would stand for a byte of no text
    return access_line(text)
