"""What came of checks, without a WAF: an answer is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from support.cases import for_each

from waf_builder.inspect.answer import answer
from waf_builder.inspect.inspector import Inspector
from waf_builder.inspect.request import from_url
from waf_builder.inspect.routing import Host, Routing
from waf_builder.problem import Place
from waf_builder.suite.ftw import Output
from waf_builder.suite.model import BLOCK, PASS, Check
from waf_builder.suite.outcome import Outcome, as_junit, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from waf_builder.inspect.answer import Answer
    from waf_builder.inspect.request import HttpRequest

NOTHING = Output()
ROUTING = Routing((Host((), (), False, ()),), 0, 5, "/health", False, (), False)
MESSAGE = {
    "message": "SQL injection",
    "details": {"ruleId": "942100", "severity": "2", "match": "found1", "data": "", "tags": []},
}


class Judge:
    """Blocks what has an attack in it, detects below /detect, and cannot tell of /unclear."""

    def judge(self, requests: Iterable[HttpRequest]) -> Iterator[Answer]:
        for request in requests:
            found = {"messages": [MESSAGE]} if "attack" in request.target else {}
            status = 403 if found and "detect" not in request.target else 200
            access = {"route": "/", "backend_status": "" if status == 403 else "200"}
            if "unclear" in request.target:
                yield answer(request, 0, {}, {}, note="only nginx can tell")
            else:
                yield answer(request, status, access, found)


def outcomes(*checks: Check) -> list[Outcome]:
    return list(run(checks, Inspector(ROUTING, Judge(), ())))


def check(target: str, wanted: Output = NOTHING, **more) -> Check:
    return Check(target, Place("a.yaml", 3), from_url(target), wanted, **more)


@for_each(
    ("one", "failed"),
    [
        (check("/x", verdicts=PASS), ""),
        (check("/x", verdicts=BLOCK), "it should be blocked"),
        (check("/attack", verdicts=BLOCK), ""),
        (check("/attack", verdicts=PASS), "it should pass"),
        (check("/attack", Output(rules=(942100,), status=(403,))), ""),
        (check("/attack", Output(rules=(1,))), "no match of 1 (matched: 942100; status 403)"),
        (check("/attack", Output(no_rules=(942100,))), "a match of 942100"),
        (
            check("/attack?token=found1", Output(no_log=r"\w+\d")),
            "the log has '***'",
        ),
        (check("/unclear", verdicts=PASS), "no answer: only nginx can tell"),
    ],
)
def test_why_a_check_fails(one: Check, failed: str):
    (outcome,) = outcomes(one)
    assert outcome.failed == failed


def test_checks_that_are_skipped_ask_nothing():
    found = outcomes(check("/a", skipped="why"), check("/attack", verdicts=BLOCK))
    assert [(one.failed, one.finding is None) for one in found] == [("", True), ("", False)]


def test_a_failure_is_told_with_the_answer():
    (outcome,) = outcomes(check("/attack", verdicts=PASS))
    first, second, *_ = outcome.text.splitlines()
    assert first == "a.yaml:3: /attack: it should pass"
    assert second == "  GET /attack"
    assert "SQL injection" in outcome.text


def test_junit_is_xml_whatever_a_request_holds():
    found = outcomes(
        check("/x", verdicts=PASS),
        check("/attack\x00<&\ud800", verdicts=PASS),
        check("/z", skipped="why"),
    )
    root = ET.fromstring(as_junit(found))  # noqa: S314  our own
    (suite,) = root
    assert suite.attrib == {"name": "a.yaml", "tests": "3", "failures": "1", "skipped": "1"}
    passed, failed, skipped = suite
    assert (passed.attrib["name"], passed.attrib["line"], len(passed)) == ("/x", "3", 0)
    assert failed.attrib["name"] == r"/attack\x00<&\ud800"
    assert failed[0].tag == "failure"
    assert "SQL injection" in str(failed[0].text)
    assert (skipped[0].tag, skipped[0].attrib["message"]) == ("skipped", "why")
