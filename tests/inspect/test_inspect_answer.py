"""What the logs' lines say, put together."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs import SMALLEST
from support.cases import for_each

from waf_builder.crs.index import index_of
from waf_builder.inspect.answer import Match, answer
from waf_builder.inspect.proposal import propose
from waf_builder.inspect.request import from_url
from waf_builder.spec.load import loads

REQUEST = from_url("https://a.test/search?q=x")
PASSED = {"route": "/", "backend_status": "200"}
STOPPED = {"route": "/", "backend_status": ""}


def message(rule: int, *, target: str = "ARGS:q", value: str = "x", severity: int = 2, level=1):
    return {
        "message": f"rule {rule}",
        "details": {
            "ruleId": str(rule),
            "match": f"Matched \"Operator `Rx' against variable `{target}' (Value: `{value}' )",
            "data": "",
            "severity": str(severity),
            "tags": ["attack-sqli", f"paranoia-level/{level}"] if level else [],
        },
    }


def judged(score: int):
    details = {"ruleId": "949110", "severity": "2", "tags": []}
    return {"message": f"Inbound Anomaly Score Exceeded (Total Score: {score})", "details": details}


def audit(*messages: dict) -> dict:
    return {"messages": list(messages)}


def test_a_request_that_passes():
    found = answer(REQUEST, 200, PASSED, {})
    assert (found.verdict, found.score, found.matches, found.refused) == ("pass", 0, (), False)
    assert propose(found, 5) is None


def test_one_that_is_blocked():
    found = answer(REQUEST, 403, STOPPED, audit(message(942100), judged(5)))
    assert (found.verdict, found.score, found.refused) == ("block", 5, True)
    assert found.matches == (
        Match(942100, "rule 942100", "ARGS:q", "x", 2, 5, 1, ("attack-sqli", "paranoia-level/1")),
    )


def test_one_that_is_only_detected():
    found = answer(REQUEST, 200, PASSED, audit(message(942100), judged(5)))
    assert (found.verdict, found.refused) == ("detect", False)
    assert propose(found, 5)


def test_the_apps_own_403_is_no_block():
    assert answer(REQUEST, 403, {**PASSED, "backend_status": "403"}, {}).verdict == "pass"


def test_what_nginx_refuses_is_a_rejection():
    found = answer(REQUEST, 405, STOPPED, {})
    assert (found.verdict, found.refused) == ("reject", True)


def test_a_403_that_no_rule_gave_is_a_rejection():
    assert answer(REQUEST, 403, STOPPED, {}).verdict == "reject"


def test_no_answer_at_all():
    assert answer(REQUEST, 0, {}, {}).verdict == "error"


@for_each(
    ("target", "value", "shown"),
    [
        ("ARGS:q", "l'\\xc3\\xa9t\\xc3\\xa9", "l'été"),
        ("ARGS:q", "\\xff", "\\xff"),
        ("ARGS:q", "a\x1b[31mb", "a\\x1b[31mb"),
        ("ARGS:q", "x" * 100, "x" * 59 + "…"),
        ("ARGS:user[password]", "hunter2", "(7 characters, not shown)"),
        ("REQUEST_HEADERS:Authorization", "Bearer x", "(8 characters, not shown)"),
        ("REQUEST_COOKIES:id", "abc", "(3 characters, not shown)"),
        ("ARGS:api_key", "abc", "(3 characters, not shown)"),
    ],
)
def test_values_are_short_and_secrets_are_not_shown(target: str, value: str, shown: str):
    found = answer(REQUEST, 200, PASSED, audit(message(1, target=target, value=value)))
    assert found.matches[0].value == shown


def test_our_own_rules_name_the_target_and_quote_nothing():
    matched = message(90210, target="UNIQUE_ID", value="0123456789abcdef")
    matched["details"]["data"] = "REQUEST_COOKIES:id"
    (match,) = answer(REQUEST, 200, PASSED, audit(matched)).matches
    assert (match.target, match.value) == ("REQUEST_COOKIES:id", "")


class TestProposal:
    def test_names_rule_target_and_path(self):
        found = answer(REQUEST, 403, STOPPED, audit(message(942100), judged(5)))
        proposal = propose(found, 5)
        assert proposal
        assert proposal.lines == (
            "exclusions:",
            "  - rule: 942100",
            "    target: ARGS:q",
            "    path: /search",
            '    reason: "why it is no attack; matched: rule 942100"',
        )
        assert proposal.opens == (
            "SQL injection in ARGS:q of /search and below is then looked for by the other rules"
            " only."
        )

    def test_takes_no_more_rules_than_are_needed(self):
        found = answer(
            REQUEST, 403, STOPPED, audit(message(942100), message(920350, severity=4), judged(8))
        )
        proposal = propose(found, 5)
        assert proposal
        assert [line for line in proposal.lines if "rule" in line.split(":")[0]] == [
            "  - rule: 942100"
        ]

    def test_groups_rules_by_target(self):
        found = answer(
            REQUEST,
            403,
            STOPPED,
            audit(message(1), message(2), message(3, target="ARGS:b"), judged(15)),
        )
        proposal = propose(found, 5)
        assert proposal
        assert "  - rules: [1, 2]" in proposal.lines
        assert "    target: ARGS:b" in proposal.lines

    def test_a_target_that_no_spec_can_name_is_left_out(self):
        found = answer(REQUEST, 403, STOPPED, audit(message(1, target="ARGS:a: #b"), judged(5)))
        proposal = propose(found, 5)
        assert proposal
        assert not any("target" in line for line in proposal.lines)
        assert "in the whole request of /search" in proposal.opens

    @pytest.mark.parametrize(
        ("path", "line"),
        [
            ("/search", "    path: /search"),
            ("/caf%C3%A9/1", '    path: "/café/1"'),
            ("/a/b%20c/d", "    path: /a/"),
            ("/a/b%2Bc/", '    path: "/a/b+c/"'),
        ],
    )
    def test_a_path_is_written_as_a_spec_has_it(self, path: str, line: str):
        request = replace(REQUEST, target=path)
        found = propose(answer(request, 403, STOPPED, audit(message(1), judged(5))), 5)
        assert found
        assert line in found.lines

    @pytest.mark.parametrize("path", ["/", "/%20", "/%FF", "*", "//"])
    def test_a_path_that_no_spec_can_name_is_every_path(self, path: str):
        request = replace(REQUEST, target=path)
        found = propose(answer(request, 403, STOPPED, audit(message(1), judged(5))), 5)
        assert found
        assert not any("path" in line for line in found.lines)
        assert "of every path is then" in found.opens

    @pytest.mark.parametrize(
        "path", ["/a/%FF", "/a//b", "/a/../b", "/a/%2e%2e/b", "/a%2fb", "/a/;b"]
    )
    def test_a_path_that_can_be_read_in_two_ways_is_left_out(self, path: str):
        request = replace(REQUEST, target=f"{path}?q=x")
        found = propose(answer(request, 403, STOPPED, audit(message(1), judged(5))), 5)
        assert found
        assert not any("path" in line for line in found.lines)
        assert found.opens.endswith(
            " of every path is then looked for by the other rules only. An exclusion for its path"
            " would not hold: not everybody reads it alike, so such a request is inspected in full."
        )

    def test_several_kinds_are_a_sentence(self):
        matched = [message(number, target=f"ARGS:{number}") for number in (1, 2, 3)]
        for one, kind in zip(matched, ("lfi", "rce", "xss"), strict=True):
            one["details"]["tags"] = [f"attack-{kind}"]
        found = propose(answer(REQUEST, 403, STOPPED, audit(*matched, judged(15))), 5)
        assert found
        assert found.opens == (
            "Path traversal, command execution and cross-site scripting in ARGS:1, ARGS:2 and"
            " ARGS:3 of /search and below are then looked for by the other rules only."
        )

    @given(st.text(), st.text(), st.text())
    def test_whatever_is_proposed_is_a_spec(self, path: str, key: str, words: str):
        request = from_url(f"http://a.test/{path}")
        matched = message(1, target=f"ARGS:{key}")
        matched["message"] = words
        found = propose(answer(request, 403, STOPPED, audit(matched, judged(5))), 5)
        assert found
        lines = "".join(f"  {line}\n" for line in found.lines)
        spec, problems = loads(f"{SMALLEST}waf:\n{lines}", "backend.yaml", {})
        assert spec, problems

    @pytest.mark.parametrize(
        ("rule", "line"),
        [
            (911100, "allowed_methods: ...  # with PUT added"),
            (920420, "allowed_content_types: ...  # with PUT added"),
            (200007, "max_arguments: ..."),
        ],
    )
    def test_a_knob_is_better_than_an_exclusion(self, rule: int, line: str):
        matched = message(rule, target="REQUEST_METHOD", value="PUT")
        proposal = propose(answer(REQUEST, 403, STOPPED, audit(matched, judged(5))), 5)
        assert proposal
        assert proposal.lines == (line,)

    def test_a_type_is_named_without_what_the_rule_puts_around_it(self):
        matched = message(920420, target="TX:content_type", value="|text/weird|")
        proposal = propose(answer(REQUEST, 403, STOPPED, audit(matched, judged(5))), 5)
        assert proposal
        assert proposal.lines == ("allowed_content_types: ...  # with text/weird added",)
        assert proposal.opens.endswith(
            " stand for its value as it is now, in the spec or by default."
        )

    def test_a_body_that_cannot_be_read_is_no_matter_of_rules(self):
        proposal = propose(answer(REQUEST, 400, STOPPED, audit(message(200002, level=0))), 5)
        assert proposal
        assert proposal.lines == ()

    def test_what_a_chain_looks_at_again_is_named_as_it_was_found(self):
        matched = message(933120, target="MATCHED_VARS:ARGS:body")
        proposal = propose(answer(REQUEST, 403, STOPPED, audit(matched, judged(5))), 5)
        assert proposal
        assert "    target: ARGS:body" in proposal.lines

    def test_a_target_that_a_rule_cannot_leave_out_is_not_proposed(self):
        rule = b'SecRule REQUEST_COOKIES "@rx x" "id:942100,phase:2,block,msg:\'m\'"\n'
        found = answer(REQUEST, 403, STOPPED, audit(message(942100), judged(5)))
        proposal = propose(found, 5, lambda: index_of({"rules/a.conf": rule}))
        assert proposal
        assert list(proposal.excluded) == [""]
