"""What only one generation of the engine or of the rule set can do, and what is said instead."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support import engines
from support import waf as wafs
from support.client import Connection, request
from support.waf import mark

from waf_builder import cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

CRS_4 = os.environ.get("WAF_BUILDER_TEST_CRS_4", "")
SPEC = """\
backend: {{host: site.internal, port: {port}}}
waf: {{early_blocking: true}}
workers: 1
"""


def test_a_small_request_that_could_stop_an_older_engine_is_warned_of(
    engine_old: Engine, trees: Path
):
    spec = trees / f"{mark()}.yaml"
    spec.write_text("backend: {host: site.internal, port: 3000}\n", encoding="utf-8")
    command = ["render", str(spec), "--engine", str(engine_old.root)]
    result = CliRunner().invoke(cli.main, command)
    assert result.exit_code == 0
    assert "[engine.pcre-limit]" in result.output


def test_early_blocking_needs_crs_4(engine: Engine, trees: Path):
    spec = trees / f"{mark()}.yaml"
    spec.write_text(SPEC.format(port=3000), encoding="utf-8")
    command = ["render", str(spec), "--engine", str(engine.root)]
    result = CliRunner().invoke(cli.main, command)
    assert result.exit_code == 1
    assert "early_blocking needs the Core Rule Set 4" in result.output


@pytest.fixture(scope="module")
def early(engine: Engine, trees: Path, dns: NameServer, fleet: list[Backend]) -> Iterator[Waf]:
    """A WAF that blocks early."""
    dns.set("site.internal", fleet[0].name)
    tree = trees / mark()
    used = engines.with_rules(engine, CRS_4)
    wafs.render(SPEC.format(port=fleet[0].port), tree, used, "--crs", CRS_4)
    with wafs.running(tree, resolver=dns.address) as waf:
        waf.await_backend("/")
        yield waf


@pytest.mark.skipif(not CRS_4, reason="no CRS 4 is in Debian: WAF_BUILDER_TEST_CRS_4=DIR has one")
class TestCrs4:
    def test_refuses_before_the_body_is_sent(self, early: Waf, site: Backend):
        marker = mark()
        headers = {
            "User-Agent": "sqlmap/1.7",  # rule 913100, of the phase that sees headers only
            "Content-Type": "application/json",
            "Content-Length": "100",
        }
        with Connection(early.address, timeout=5) as connection:
            connection.send(request(f"/{marker}", method="POST", headers=headers))
            assert connection.read("POST").status == 403
        assert 949111 in early.rules(marker)
        assert site.received() == []

    def test_still_refuses_what_the_body_holds(self, early: Waf, site: Backend):
        headers = {"Content-Type": "application/json"}
        body = b'{"q": "<script>alert(1)</script>"}'
        assert early.ask(f"/{mark()}", method="POST", headers=headers, body=body).status == 403
        assert site.received() == []

    def test_lets_ordinary_requests_pass(self, early: Waf, site: Backend):
        headers = {"Content-Type": "application/json", "Expect": "100-continue"}
        response = early.ask("/api", method="PUT", headers=headers, body=b'{"a": "b"}')
        assert response.status == 200
        assert site.only("/api").body == b'{"a": "b"}'
