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
from waf_builder.inspect.report import Finding, text
from waf_builder.inspect.request import FORM, HttpRequest, from_url
from waf_builder.inspect.routing import Host, Route, Routing
from waf_builder.spec.load import loads

COMMON = {
    "allowed_methods": ["GET", "POST"],
    "allowed_content_types": ["text/xml"],
    "max_arguments": ["2"],
}
OWN = Route(
    "/own",
    "/own",
    False,
    "block",
    "",
    "GET|HEAD",
    "text/plain|a/b[+]c",
    10,
    5,
    1,
    {
        "allowed_methods": ["GET"],
    },
)
HOSTS = (Host((), (OWN,), False, ()),)
ROUTING = Routing(HOSTS, 20, 5, "/health", False, (), False, COMMON)
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
    assert propose(found, ROUTING) is None


def test_one_that_is_blocked():
    found = answer(REQUEST, 403, STOPPED, audit(message(942100), judged(5)))
    assert (found.verdict, found.score, found.refused) == ("block", 5, True)
    assert found.matches == (
        Match(942100, "rule 942100", "ARGS:q", "x", 2, 5, 1, ("attack-sqli", "paranoia-level/1")),
    )


def test_one_that_is_only_detected():
    found = answer(REQUEST, 200, PASSED, audit(message(942100), judged(5)))
    assert (found.verdict, found.refused) == ("detect", False)
    assert propose(found, ROUTING)


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


def test_our_own_rules_of_libinjection_name_the_target():
    matched = message(90200)
    matched["details"] |= {"match": "detected SQLi using libinjection.", "data": "XML://@*"}
    (match,) = answer(REQUEST, 200, PASSED, audit(matched)).matches
    assert (match.target, match.value) == ("XML://@*", "")


class TestProposal:
    def test_names_rule_target_and_path(self):
        found = answer(REQUEST, 403, STOPPED, audit(message(942100), judged(5)))
        proposal = propose(found, ROUTING)
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
        proposal = propose(found, ROUTING)
        assert proposal
        assert [line for line in proposal.lines if "rule" in line.split(":")[0]] == [
            "  - rule: 942100"
        ]

    def test_attributes_of_xml_are_left_out_with_the_rule(self):
        found = answer(REQUEST, 403, STOPPED, audit(message(1, target="XML://@*"), judged(5)))
        proposal = propose(found, ROUTING)
        assert proposal
        assert not any("target" in line for line in proposal.lines)

    def test_groups_rules_by_target(self):
        found = answer(
            REQUEST,
            403,
            STOPPED,
            audit(message(1), message(2), message(3, target="ARGS:b"), judged(15)),
        )
        proposal = propose(found, ROUTING)
        assert proposal
        assert "  - rules: [1, 2]" in proposal.lines
        assert "    target: ARGS:b" in proposal.lines

    def test_a_target_that_no_spec_can_name_is_left_out(self):
        found = answer(REQUEST, 403, STOPPED, audit(message(1, target="ARGS:a: #b"), judged(5)))
        proposal = propose(found, ROUTING)
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
        found = propose(answer(request, 403, STOPPED, audit(message(1), judged(5))), ROUTING)
        assert found
        assert line in found.lines

    @pytest.mark.parametrize("path", ["/", "/%20", "/%FF", "*", "//"])
    def test_a_path_that_no_spec_can_name_is_every_path(self, path: str):
        request = replace(REQUEST, target=path)
        found = propose(answer(request, 403, STOPPED, audit(message(1), judged(5))), ROUTING)
        assert found
        assert not any("path" in line for line in found.lines)
        assert "of every path is then" in found.opens

    @pytest.mark.parametrize(
        "path", ["/a/%FF", "/a//b", "/a/../b", "/a/%2e%2e/b", "/a%2fb", "/a/;b"]
    )
    def test_a_path_that_can_be_read_in_two_ways_is_left_out(self, path: str):
        request = replace(REQUEST, target=f"{path}?q=x")
        found = propose(answer(request, 403, STOPPED, audit(message(1), judged(5))), ROUTING)
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
        found = propose(answer(REQUEST, 403, STOPPED, audit(*matched, judged(15))), ROUTING)
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
        found = propose(answer(request, 403, STOPPED, audit(matched, judged(5))), ROUTING)
        assert found
        lines = "".join(f"  {line}\n" for line in found.lines)
        spec, problems = loads(f"{SMALLEST}waf:\n{lines}", "backend.yaml", {})
        assert spec, problems

    def test_a_body_that_cannot_be_read_is_no_matter_of_rules(self):
        proposal = propose(answer(REQUEST, 400, STOPPED, audit(message(200002, level=0))), ROUTING)
        assert proposal
        assert proposal.lines == ()

    def test_what_a_chain_looks_at_again_is_named_as_it_was_found(self):
        matched = message(933120, target="MATCHED_VARS:ARGS:body")
        proposal = propose(answer(REQUEST, 403, STOPPED, audit(matched, judged(5))), ROUTING)
        assert proposal
        assert "    target: ARGS:body" in proposal.lines

    def test_a_target_that_a_rule_cannot_leave_out_is_not_proposed(self):
        rule = b'SecRule REQUEST_COOKIES "@rx x" "id:942100,phase:2,block,msg:\'m\'"\n'
        found = answer(REQUEST, 403, STOPPED, audit(message(942100), judged(5)))
        proposal = propose(found, ROUTING, lambda: index_of({"rules/a.conf": rule}))
        assert proposal
        assert list(proposal.excluded) == [""]


def asked(method: str = "GET", kind: str = "", body: bytes = b"") -> HttpRequest:
    headers = (("Content-Type", kind),) if kind else ()
    return HttpRequest(method, "/search?q=x", headers, body)


def long(size: int) -> HttpRequest:
    headers = (("Host", "a.test"), ("Content-Length", str(size)))
    return HttpRequest("POST", "/own/x", headers, b"x" * size)


@pytest.mark.parametrize("rule", [200002, 200003, 200004, 200007])
def test_what_refuses_by_itself_counts_where_a_route_only_detects(rule: int):
    found = answer(REQUEST, 200, PASSED, audit(message(rule, level=0)))
    assert (found.verdict, found.score) == ("detect", 0)


class TestRoutes:
    """What is proposed is for the route that was met, where others could have the same path."""

    HOSTS = (
        Host((), (replace(OWN, label="/", path="/"),), False, ()),
        Host(("b.test",), (replace(OWN, label="b.test/", path="/"),), False, ()),
    )

    @for_each(
        ("target", "path", "below"),
        [
            ("/x/y?q=x", "    path: /x/y", "/x/y and below"),
            ("/?q=x", "    reason: ", "every path of the route b.test/"),
            ("/a//b?q=x", "    reason: ", "every path of the route b.test/"),
        ],
    )
    def test_of_several_hosts_is_in_the_route(self, target: str, path: str, below: str):
        request = replace(REQUEST, target=target)
        access = {**STOPPED, "route": "b.test/"}
        found = answer(request, 403, access, audit(message(942100), judged(5)))
        proposal = propose(found, replace(ROUTING, hosts=self.HOSTS))
        assert proposal
        assert (proposal.at, proposal.route) == ("route.waf", "b.test/")
        assert proposal.lines[3].startswith(path)
        assert f"in ARGS:q of {below} is then" in proposal.opens

    def test_of_hosts_without_routes_is_not(self):
        hosts = (*self.HOSTS[:1], Host(("b.test",), (), False, ()))
        access = {**STOPPED, "route": "/"}
        found = answer(REQUEST, 403, access, audit(message(942100), judged(5)))
        proposal = propose(found, replace(ROUTING, hosts=hosts))
        assert proposal
        assert (proposal.at, proposal.route) == ("waf", "")

    def test_with_a_key_is_in_the_route_where_there_are_several(self):
        hosts = (Host((), (self.HOSTS[0].routes[0], OWN), False, ()),)
        access = {**STOPPED, "route": "/"}
        found = answer(asked("PUT"), 403, access, audit(message(911100), message(1), judged(10)))
        proposal = propose(found, replace(ROUTING, hosts=hosts))
        assert proposal
        assert (proposal.at, proposal.route) == ("route.waf", "/")
        assert [line.strip().split(":")[0] for line in proposal.lines[:2]] == [
            "allowed_methods",
            "exclusions",
        ]


class TestSettings:
    """A key of the spec is better than an exclusion, and is written whole."""

    @for_each(
        ("rule", "request", "line"),
        [
            (911100, asked("PUT"), "allowed_methods: [GET, POST, PUT]"),
            (920420, asked(kind="A/B; c=d"), "allowed_content_types: [text/xml, a/b]"),
            (200007, asked(kind=FORM, body=b"a=1&b=2&c"), "max_arguments: 4"),
            (200007, asked(kind="a/json", body=b'[1,{"a":[2,{}]},3]'), "max_arguments: 5"),
            (200007, asked(kind="a/json", body=b'{"a":[1,2,' * 9), "max_arguments: 29"),
            (200007, asked(kind=FORM, body=b"&" * 101), "max_arguments: 200"),
            (
                200007,
                asked(kind="multipart/form-data", body=b"Content-Disposition: x" * 3),
                "max_arguments: 4",
            ),
        ],
    )
    def test_are_ready_to_paste(self, rule: int, request: HttpRequest, line: str):
        proposal = propose(answer(request, 403, STOPPED, audit(message(rule), judged(5))), ROUTING)
        assert proposal
        assert (proposal.lines, proposal.at, proposal.route) == ((line,), "waf", "")
        assert proposal.opens.startswith(f"Rule {rule} only says what this key says. ")

    @for_each(
        ("rule", "request"),
        [
            (911100, asked("put")),
            (920420, asked(kind="text")),
            (920420, asked(kind="text/xml")),
            (920420, asked()),
        ],
    )
    def test_that_no_spec_can_have_are_an_exclusion(self, rule: int, request: HttpRequest):
        proposal = propose(answer(request, 403, STOPPED, audit(message(rule), judged(5))), ROUTING)
        assert proposal
        assert proposal.lines[:2] == ("exclusions:", f"  - rule: {rule}")

    def test_do_not_hide_what_else_refuses_the_request(self):
        found = answer(
            asked("PUT"), 403, STOPPED, audit(message(911100), message(942100), judged(10))
        )
        proposal = propose(found, ROUTING)
        assert proposal
        assert proposal.lines[:3] == (
            "allowed_methods: [GET, POST, PUT]",
            "exclusions:",
            "  - rule: 942100",
        )

    def test_are_as_few_as_are_needed(self):
        found = answer(
            asked("PUT", "a/b"), 403, STOPPED, audit(message(911100), message(920420), judged(10))
        )
        few = propose(found, replace(ROUTING, threshold=10))
        every = propose(found, ROUTING)
        assert few
        assert every
        assert [len(one.lines) for one in (few, every)] == [1, 2]
        assert "New in it are PUT and a/b." in every.opens

    def test_of_a_route_stand_there(self):
        found = answer(
            asked("PUT", "a/b"),
            403,
            {**STOPPED, "route": "/own"},
            audit(message(911100), message(920420), judged(10)),
        )
        proposal = propose(found, ROUTING)
        assert proposal
        assert (proposal.at, proposal.route) == ("route.waf", "/own")
        assert proposal.lines == (
            "allowed_methods: [GET, PUT]",
            "allowed_content_types: [text/xml, a/b]",
        )
        told = text(Finding(found, 5, proposal))
        assert "write at the route /own:\n\n    waf:\n      allowed_methods: [GET, PUT]\n" in told

    @for_each(
        ("status", "request", "at", "line"),
        [
            (405, asked("PUT"), "route", "methods: [GET, HEAD, PUT]"),
            (415, asked("POST", "x/y"), "route", "content_types: [text/plain, a/b+c, x/y]"),
            (413, long(1024**2), "route", "max_body: 1m"),
            (413, long(1024**2 + 1), "route", "max_body: 2m"),
        ],
    )
    def test_of_nginx_are_those_of_the_route(
        self, status: int, request: HttpRequest, at: str, line: str
    ):
        proposal = propose(answer(request, status, {**STOPPED, "route": "/own"}, {}), ROUTING)
        assert proposal
        assert (proposal.at, proposal.route, proposal.lines) == (at, "/own", (line,))

    @for_each(
        ("status", "request", "words"),
        [
            (415, asked("POST", body=b"x"), "The body does not say its type"),
            (413, long(75 * 1024**2 + 1), "The body has more than 75 MB"),
        ],
    )
    def test_that_cannot_help_are_not_proposed(self, status: int, request: HttpRequest, words: str):
        proposal = propose(answer(request, status, {**STOPPED, "route": "/own"}, {}), ROUTING)
        assert proposal
        assert proposal.lines == ()
        assert proposal.opens.startswith(words)

    def test_a_body_of_which_all_routes_take_as_much(self):
        hosts = (Host((), (replace(OWN, max_body=20),), False, ()),)
        found = answer(long(21), 413, {}, {})
        proposal = propose(found, replace(ROUTING, hosts=hosts))
        assert proposal
        assert (proposal.at, proposal.lines) == ("", ("max_body: 1m",))
        assert "write in the spec:\n\n    max_body: 1m\n" in text(Finding(found, 5, proposal))

    def test_a_long_list_is_short_lines_of_yaml(self):
        types = [f"application/x-{number}+json" for number in range(30)]
        common = {**COMMON, "allowed_content_types": types}
        found = answer(asked(kind="a/b"), 403, STOPPED, audit(message(920420), judged(5)))
        proposal = propose(found, replace(ROUTING, common=common))
        assert proposal
        lines = [f"  {line}\n" for line in proposal.lines]
        assert max(map(len, lines)) < 80
        spec, problems = loads(f"{SMALLEST}waf:\n{''.join(lines)}", "backend.yaml", {})
        assert spec, problems
        assert list(spec.waf.allowed_content_types) == [*types, "a/b"]
