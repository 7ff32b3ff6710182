"""When a test has passed, and when a run has gone as explained."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml
from support.cases import for_each
from support.engines import NEWEST

from conformance.explained import FOLDER, compare, reasons
from conformance.run import Result
from waf_builder.crs.installed import InstalledCrs
from waf_builder.suite.ftw import Output
from waf_builder.suite.verdict import Observed, judge, parse
from waf_builder.version import Version

LINE = json.dumps(
    {
        "transaction": {
            "client_ip": "127.1.0.1",
            "messages": [
                {
                    "message": "SQL injection",
                    "details": {
                        "match": "Matched `x' against ARGS:q",
                        "ruleId": "942100",
                        "data": "found\nwithin ARGS:q",
                        "severity": "2",
                    },
                },
                {"message": "", "details": {"match": "Matched", "ruleId": "949110"}},
            ],
        }
    }
)
RECORD = parse(LINE)


def test_a_record_names_its_client_and_its_rules():
    assert (RECORD.client, RECORD.rules) == ("127.1.0.1", (942100, 949110))


def test_a_record_reads_like_the_error_log():
    assert RECORD.lines[0] == (
        "ModSecurity: Warning. Matched `x' against ARGS:q"
        ' [id "942100"] [msg "SQL injection"] [data "found\\x0awithin ARGS:q"] [severity "2"]'
    )


@for_each(
    ("wanted", "status", "why"),
    [
        (Output(), 200, ""),
        (Output(status=(200, 403)), 403, ""),
        (Output(status=(403,)), 200, "status 200, wanted 403"),
        (Output(rules=(942100,)), 200, ""),
        (Output(rules=(942100, 942190)), 200, "no match of 942190"),
        (Output(no_rules=(942190,)), 200, ""),
        (Output(no_rules=(942100,)), 200, "a match of 942100"),
        (Output(log='id "942100"'), 200, ""),
        (Output(log='id "942190"'), 200, "the log has no"),
        (Output(no_log='id "942190"'), 200, ""),
        (Output(no_log=r'id "\d+"'), 200, "the log has"),
        (Output(isolated=True), 200, "not one match alone"),
        (Output(response="hello"), 200, ""),
        (Output(response="goodbye"), 200, "the response has no"),
        (Output(), None, "no answer: timed out"),
        (Output(error=True), None, ""),
        (Output(error=True), 200, "status 200, wanted no answer"),
    ],
)
def test_a_test_passes_only_as_it_should(wanted: Output, status: int | None, why: str):
    got = Observed(status, "hello", error="timed out")
    judged = judge(wanted, got, [RECORD])

    assert judged.startswith(why) if why else not judged


def test_without_a_record_nothing_has_matched():
    assert judge(Output(rules=(942100,)), Observed(400), []).startswith("no match of 942100")
    assert not judge(Output(no_log=r'id "\d+"'), Observed(400), [])


def test_a_run_goes_as_explained_or_not():
    results = [
        Result("passes"),
        Result("skipped", skipped="why"),
        Result("fails", failed="status 400"),
        Result("breaks", failed="status 500"),
        Result("mended"),
    ]
    report = compare(results, {"fails": "known", "mended": "known", "of another suite": "known"})

    assert report.passed == ("passes", "mended")
    assert report.skipped == ("skipped",)
    assert report.failed == 2
    assert report.explained == {"known": ["fails"]}
    assert [one.id for one in report.unexplained] == ["breaks"]
    assert report.stale == ("mended",)
    assert not report.as_expected
    assert compare(results[:3], {"fails": "known"}).as_expected


def test_an_explanation_holds_for_the_versions_it_names():
    crs_3 = replace(NEWEST, crs=InstalledCrs(FOLDER, Version(3, 3, 9)))
    crs_old = replace(crs_3, modsecurity_version=Version(3, 0, 9), nginx_version=Version(1, 22, 1))

    assert {"922110-2", "920100-4"} <= reasons(crs_old).keys() - reasons(crs_3).keys()
    assert "942521-17" in reasons(NEWEST)
    assert "942521-17" not in reasons(replace(NEWEST, modsecurity_version=Version(3, 0, 9)))


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_every_explained_test_has_one_reason(file):
    groups = yaml.safe_load(file.read_text(encoding="utf-8"))
    tests = [test for group in groups for test in group["tests"]]

    assert len(tests) == len(set(tests))
    assert all(group["reason"].strip() for group in groups)
