"""What is logged, where, and that programs can read all of it."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from support.answers import text
from support.client import exchange, request
from support.waf import NGINX_LINE, mark

if TYPE_CHECKING:
    from support.backends import Backend
    from support.waf import Waf

    from waf_builder.engine.model import Engine

    from .conftest import Boot

pytestmark = pytest.mark.nginx

ATTACK = "?q=%3Cscript%3Ealert(1)%3C/script%3E"


class TestAccessLine:
    def test_tells_of_a_request_that_passed(self, waf: Waf, site: Backend):
        marker = mark()
        response = waf.ask(f"/{marker}?a=1", method="POST", body=b"x=1")
        line = waf.access(marker)
        assert {
            "client.ip": "127.0.0.1",
            "http.request.method": "POST",
            "url.domain": "waf.test",
            "url.path": f"/{marker}",
            "http.response.status_code": 200,
            "http.response.bytes": len(response.head + response.body),
            "event.action": "pass",
            "event.outcome": "success",
            "waf.route": "/",
            "waf.backend.address": f"{site.name}:{site.port}",
            "waf.backend.status": "200",
        }.items() <= line.items()
        assert datetime.fromisoformat(line["@timestamp"]).microsecond % 1000 == 0
        backend = [line[f"waf.backend.{part}"] for part in ("connect", "first_byte", "duration")]
        assert 0 <= backend[0] <= backend[1] <= backend[2] <= line["event.duration"] < 5e9

    def test_tells_of_a_request_that_was_refused(self, waf: Waf):
        marker = mark()
        waf.ask(f"/strict/{marker}{ATTACK}")
        line = waf.access(marker)
        assert {
            "http.response.status_code": 403,
            "event.action": "block",
            "event.outcome": "failure",
            "waf.route": "/strict/",
            "waf.duration": line["event.duration"],
            "waf.backend.duration": None,
        }.items() <= line.items()
        assert (line["url.path"], line["waf.backend.address"]) == (f"/strict/{marker}", "")

    @pytest.mark.parametrize(
        ("path", "verdict"),
        [("/", "pass"), ("/detect/", "detect"), ("/off/", "off")],
    )
    @pytest.mark.parametrize("status", [200, 403])
    def test_tells_the_apps_answers_from_the_wafs(
        self, waf: Waf, site: Backend, path: str, verdict: str, status: int
    ):
        marker = mark()
        site.on(f"{path}{marker}", text(b"mine", f"{status} Mine"))
        waf.ask(f"{path}{marker}")
        line = waf.access(marker)
        assert (line["http.response.status_code"], line["event.action"]) == (status, verdict)

    def test_tells_what_nginx_itself_refused(self, waf: Waf):
        large, wrong = mark(), mark()
        waf.ask(f"/small/{large}", method="POST", body=b"x" * 2000)
        waf.ask(f"/read/{wrong}", method="DELETE")
        assert [waf.access(one)["event.action"] for one in (large, wrong)] == ["reject", "reject"]

    def test_names_the_method_that_was_sent(self, waf: Waf):
        """With an error page too, for which nginx goes on with GET."""
        sent = {
            "POST": ("/", 403, {"body": b"q=<script>alert(1)</script>"}),
            "DELETE": ("/read/", 405, {}),
            "HEAD": ("/", 200, {}),
            "PUT": ("/small/", 413, {"body": b"x" * 2000}),
        }
        for method, (path, status, body) in sent.items():
            marker = mark()
            form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
            waf.ask(f"{path}{marker}", method=method, headers=form, **body)
            line = waf.access(marker)
            seen = (line["http.request.method"], line["http.response.status_code"])
            assert seen == (method, status)

    def test_keeps_queries_out(self, waf: Waf):
        marker = mark()
        waf.ask(f"/{marker}?token=s3cr3t")
        assert "s3cr3t" not in json.dumps(waf.access(marker))

    def test_is_one_a_request(self, waf: Waf):
        marker, after = mark(), mark()
        waf.ask(f"/{marker}{ATTACK}")  # its error page is an internal redirect
        waf.ask(f"/{after}")
        waf.access(after)
        lines = [line for line in waf.stderr.lines if line.startswith("{")]
        assert len([line for line in lines if marker in line]) == 1

    @pytest.mark.parametrize(
        "target", ["/%22%7D%0A%7B%22status%22:1", "/caf%C3%A9/\u00e9", "/%1b[31m", "/\\x"]
    )
    def test_holds_whatever_the_client_sent(self, waf: Waf, target: str):
        marker = mark()
        headers = {"User-Agent": 'x"}\t{\\" \x7f\u00e9', "Referer": '"'}
        waf.ask(f"/{marker}{target}", headers=headers)
        assert isinstance(waf.access(marker), dict)

    def test_names_the_audit_records_request(self, waf: Waf):
        marker = mark()
        waf.ask(f"/{marker}{ATTACK}")
        assert waf.access(marker)["http.request.id"] == waf.audit(marker)["unique_id"]


class TestAuditRecord:
    def test_holds_no_body_and_no_secret_header(self, waf: Waf):
        marker = mark()
        headers = {
            "Authorization": "Bearer s3cr3tt0ken",
            "Cookie": "session=s3cr3tc00kie",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        body = b"password=s3cr3tp4ssword&q=%3Cscript%3Ealert(1)%3C/script%3E"
        assert waf.ask(f"/{marker}", method="POST", headers=headers, body=body).status == 403
        record = json.dumps(waf.audit(marker))
        assert "s3cr3t" not in record

    def test_holds_no_response_body(self, waf: Waf, site: Backend):
        """Many rules of the Core Rule Set ask for it with `ctl:auditLogParts=+E`."""
        marker = mark()
        leak = (
            b"<p>You have an error in your SQL syntax; check the manual that corresponds to your "
            b"MySQL server version for the right syntax to use near '' at line 1</p>"
        )
        site.on(f"/tolerated-leaks/{marker}", text(leak, content_type="text/html"))
        assert waf.ask(f"/tolerated-leaks/{marker}").body == leak
        assert "body" not in waf.audit(marker)["response"]

    def test_is_not_written_for_a_request_that_matches_nothing(self, waf: Waf):
        marker = mark()
        waf.ask(f"/{marker}")
        assert not waf.has_audit(marker)

    def test_names_the_rule_and_the_verdict(self, waf: Waf):
        marker = mark()
        waf.ask(f"/{marker}{ATTACK}")
        assert waf.rules(marker) >= {941100, 949110}


@pytest.fixture(scope="module")
def busy(engine: Engine, boot: Boot, main_spec: str, main_waf: Waf) -> Waf:
    """The main WAF with four workers, which write to the same two streams."""
    return boot(main_spec.replace("workers: 1", "workers: 4"), engine)


def test_every_line_of_a_busy_waf_can_be_read(busy: Waf):
    """Audit records alone on stdout, all else on stderr, and no line torn by another."""
    clients, each = 8, 40

    def attack(number: int) -> None:
        for index in range(each):
            suffix = ATTACK if index % 2 else ""
            exchange(busy.address, request(f"/busy/{number}/{index}{suffix}"))

    threads = [threading.Thread(target=attack, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    total = clients * each
    assert busy.stderr.wait_for_count('"path":"/busy/', total) == total
    assert busy.stdout.wait_for_count('"uri":"/busy/', total // 2) == total // 2
    records = [json.loads(line) for line in busy.stdout.lines]
    assert all(set(record) == {"transaction"} for record in records)
    strays = [line for line in busy.stderr.lines if not line.startswith(("{", "waf: "))]
    assert [line for line in strays if not NGINX_LINE.match(line)] == []
    lines = busy.access_lines()
    assert len({line["http.request.id"] for line in lines}) == len(lines)


@pytest.mark.parametrize(("choice", "logged"), [("errors", {403, 405}), ("off", set())])
def test_access_lines_can_be_fewer(
    engine: Engine, boot: Boot, main_spec: str, choice: str, logged: set[int]
):
    waf = boot(f"{main_spec}\nlogs: {{access: {choice!r}}}\n", engine)
    marker = mark()
    statuses = {
        waf.ask(f"/{marker}").status,
        waf.ask(f"/{marker}{ATTACK}").status,
        waf.ask(f"/read/{marker}", method="DELETE").status,
    }
    assert statuses == {200, 403, 405}
    assert waf.has_audit(marker), "the audit log is not the access log's business"
    assert waf.stop() == 0
    lines = [line for line in waf.access_lines() if marker in line["url.path"]]
    assert {line["http.response.status_code"] for line in lines} == logged


def test_nothing_is_said_at_alarm_level_by_all_of_this(waf: Waf):
    """But for a response that is cut: its headers are out, and ModSecurity cannot call back.

    https://github.com/owasp-modsecurity/ModSecurity-nginx/issues/41
    """
    levels = ("[emerg]", "[alert]", "[crit]")
    said = [line for line in waf.stderr.lines if any(level in line for level in levels)]
    assert [line for line in said if "header already sent" not in line] == []
