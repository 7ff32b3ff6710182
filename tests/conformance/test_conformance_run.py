"""Runs against real WAFs: a suite of our own that has every kind of end, and the real one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from conformance.explained import compare, reasons
from conformance.run import booted, run
from waf_builder.suite.ftw import load

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

SUITE = Path(os.environ.get("WAF_BUILDER_TEST_CRS_3_TESTS") or os.devnull)
OWN = """\
rule_id: 1
tests:
  - test_id: 1
    desc: an attack is found
    stages:
      - input:
          headers: &browser {Host: localhost, User-Agent: x, Accept: "*/*"}
          uri: "/?q=1'or'1'='1"
        output: {status: 200, log: {expect_ids: [942100]}}
  - test_id: 2
    desc: the same, expected wrongly
    stages:
      - input: {headers: *browser, uri: "/?q=1'or'1'='1"}
        output: {log: {no_expect_ids: [942100]}}
  - test_id: 3
    desc: nginx refuses it, and ModSecurity has no record of it
    stages:
      - input: {headers: *browser, uri: "no-path?q=1'or'1'='1"}
        output: {status: 400, log: {no_match_regex: id}}
  - test_id: 4
    desc: no answer that is HTTP
    stages:
      - input: {version: "", headers: *browser}
        output: {expect_error: true}
  - test_id: 5
    desc: a leak that the backend was told to answer with, behind a redirect
    stages:
      - input:
          method: POST
          uri: /configure_reflection
          headers: {Host: localhost, Content-Type: application/json}
          data: '{"endpoints": [{"method": "GET", "url": "/leak"}], "body": "<?php echo 1; ?>"}'
        output: {status: 200}
      - input:
          method: POST
          uri: /reflect
          headers: {Host: localhost, Content-Type: application/json}
          data: '{"status": 302, "headers": {"Location": "/leak"}}'
        output: {status: 302}
      - input: {headers: *browser, follow_redirect: true}
        output: {response_contains: php echo, log: {match_regex: 'id "95\\d+"'}}
  - test_id: 6
    desc: the backend is asked for nothing in particular
    stages:
      - input: {method: HEAD, uri: /, headers: *browser}
        output: {status: 200, log: {no_expect_ids: [911100]}}
"""


def test_every_kind_of_end_is_seen(engine: Engine, tmp_path: Path):
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    with booted(engine) as waf:
        results = run(load(tmp_path), waf)

    assert {one.id: one.failed for one in results if one.failed} == {"1-2": "a match of 942100"}


@pytest.mark.slow
@pytest.mark.xdist_group("conformance")
@pytest.mark.skipif(not SUITE.is_dir(), reason="WAF_BUILDER_TEST_CRS_3_TESTS names none")
def test_the_rule_sets_own_tests_go_as_explained(engine_old: Engine):
    cases = load(SUITE)
    with booted(engine_old) as waf:
        report = compare(run(cases, waf), reasons(engine_old))

    assert len(cases) == 2403
    assert report.unexplained == ()
    assert report.stale == ()
    assert len(report.skipped) == 7
