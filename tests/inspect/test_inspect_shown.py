"""What is told of a request: no secret, nothing that moves the cursor, text as text."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import for_each

from waf_builder.diff.verdicts import Verdict
from waf_builder.inspect import shown
from waf_builder.inspect.answer import answer
from waf_builder.inspect.inspector import Inspector
from waf_builder.inspect.proposal import propose
from waf_builder.inspect.report import Finding, text
from waf_builder.inspect.request import HttpRequest, from_url
from waf_builder.inspect.routing import Host, Routing
from waf_builder.inspect.secret import Secrets
from waf_builder.problem import Place
from waf_builder.suite.ftw import Output
from waf_builder.suite.model import Check
from waf_builder.suite.outcome import Outcome, as_junit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from waf_builder.inspect.answer import Answer

SECRET = "hunter2"  # noqa: S105  none of anybody's


@for_each(
    ("target", "told"),
    [
        ("/login?password=hunter2&q=<b>", "/login?password=***&q=<b>"),
        ("/login?q=1&user[Passwd]=hunter2", "/login?q=1&user[Passwd]=***"),
        ("/login?pass%77ord=hunter2", "/login?pass%77ord=***"),
        ("/a;jsessionid=hunter2/b?q=1", "/a;jsessionid=***/b?q=1"),
        ("http://me:hunter2@host/x", "http://me:***@host/x"),
        ("/a?next=/b?token=hunter2&c=d", "/a?next=/b?token=***&c=d"),
        ("/token=hunter2", "/token=hunter2"),  # a path that nobody reads as a pair
        ("/a?q=1&&=2&password=&x", "/a?q=1&&=2&password=&x"),
        ("/a?b\x07=\x1b[31m", r"/a?b\x07=\x1b[31m"),
        ("/caf\xc3\xa9?q=\xff", r"/café?q=\xff"),
    ],
)
def test_a_target(target: str, told: str):
    assert shown.target(HttpRequest("GET", target, ())) == told


@for_each(
    ("where", "value", "told"),
    [
        ("REQUEST_URI", "/login?token=hunter2&x=../..", "/login?token=***&x=../.."),
        ("QUERY_STRING", "token=hunter2&x=1", "token=***&x=1"),
        ("REQUEST_BODY", '{"user":"me","password":"hun\\"ter2","b":1}',
         '{"user":"me","password":***,"b":1}'),
        ("REQUEST_BODY", '{"pin": 1, "token" : 12}', '{"pin": 1, "token" : ***}'),
        ("REQUEST_BODY", '{"token":"hunter2', '{"token":***'),
        ("REQUEST_HEADERS:Referer", "http://a.test/?auth=hunter2", "http://a.test/?auth=***"),
        ("ARGS:q", "auth 1=1", "auth 1=1"),
    ],
)  # fmt: skip
def test_what_matched(where: str, value: str, told: str):
    assert shown.value(where, value, Secrets(from_url("http://a.test/"))) == told


def sent(kind: str, body: str, *headers: tuple[str, str], target: str = "/") -> HttpRequest:
    return HttpRequest("POST", target, (("Content-Type", kind), *headers), body.encode())


PARTS = "multipart/form-data; boundary=b"
PART = "--b\r\nContent-Disposition: form-data; {}\r\n\r\n{}\r\n"


@for_each(
    ("request", "value", "told"),
    [
        (sent(PARTS, PART.format('name="user[password]"', "Pass w0rd")), "a pass W0rd", "a ***"),
        (sent(PARTS, PART.format("name=token; x=y", "a\r\n-b") + "--b--"), "a\r\n-b", "***"),
        (sent(PARTS, PART.format('name="token"', "abcd") + PART.format('name="a"', "efgh")),
         "abcd efgh", "*** efgh"),
        (sent(PARTS, PART.format('name="token"; filename="a b"\r\nContent-Type: x/y', "abcd")),
         "abcd", "***"),
        (sent("text/xml", "<a><p:Password x='1'>hunter2</p:Password><b>hello</b></a>"),
         "hunter2hello", "***hello"),
        (sent("a/b+xml", "<a><auth><u>me1</u><p><![CDATA[hun&ter]]></p></auth></a>"),
         "me1hun&ter", "******"),
        (sent("text/xml", "<a token = 'a&amp;b&lt;'/>"), "a&b<", "***"),
        (sent("text/xml", '<a apikey="abcd"><token/>efgh</a>'), "abcdefgh", "***efgh"),
        (sent("", '{"a": {"api_key" : "h\\u00e9l\\"lo"}}'), 'x hél"lo', "x ***"),
        (sent("", '{"pincard": 12345, "b": 678}'), "12345678", "***678"),
        (sent("", "a=1&pass%77ord=a%20b+c&d=e"), "a b c e a%20b+c", "*** e ***"),
        (sent("", "", target="/?otp=99123"), "id=99123", "id=***"),
        (sent("", "", ("Cookie", "a=b; sid=0a1b2c")), "0A1B2C", "***"),
        (sent("", "", ("Authorization", "Bearer abcdef")), "abcdef", "***"),
        (sent("", "token=abcdef"), "abcd (2 characters omitted)", "*** (2 characters omitted)"),
        (sent("", "token=ab"), "about", "about"),
        (sent("", "&".join(f"token{n}=abcd{n}" for n in range(300))), "harmless", "***"),
    ],
)  # fmt: skip
def test_a_secret_of_the_request_wherever_it_turns_up(request: HttpRequest, value: str, told: str):
    assert shown.value("TX:1", value, Secrets(request)) == shown.printable(told)


@given(
    st.sampled_from(["multipart/form-data", "text/xml", "application/json", ""]),
    st.lists(
        st.sampled_from(
            [
                "token",
                "=",
                "&",
                "<",
                ">",
                "</",
                "/>",
                '"',
                ":",
                "\\",
                'name="',
                "\r\n\r\n",
                "--",
                "%",
            ]
        ),
        max_size=30,
    ).map("".join),
)
def test_no_body_ends_in_a_traceback(kind: str, body: str):
    assert Secrets(sent(kind, body)).hide("x" * 50)


@pytest.mark.parametrize("kind", ["multipart/form-data", "text/xml", "application/json"])
@pytest.mark.parametrize("piece", ['name="token"\n\n', "<token>", '{"token":"', "token=", '"token'])
def test_a_body_of_many_beginnings_takes_no_longer_than_it_is_long(kind: str, piece: str):
    start = time.process_time()
    Secrets(sent(kind, piece * 20_000)).hide("harmless")
    assert time.process_time() - start < 3


def finding() -> Finding:
    request = from_url(f"http://a.test/login?password={SECRET}&q=x")
    message = {
        "message": "m",
        "details": {
            "ruleId": "942100",
            "match": "Matched \"Operator `Rx' against variable `REQUEST_URI' (Value: `/login"
            f"?password={SECRET}&q=x' )",
            "severity": "2",
            "tags": [],
        },
    }
    access = {"route": "/", "backend_status": ""}
    return Finding(answer(request, 403, access, {"messages": [message]}), 5, None)


def test_no_form_of_an_answer_has_the_secret():
    found = finding()
    check = Check(f"GET {found.answer.request.target}", Place("a.yaml", 3), None, Output())
    outcome = Outcome(check, "it should pass", found)
    for told in (
        text(found),
        json.dumps(found.as_json()),
        outcome.text,
        as_junit([outcome]),
        json.dumps(Verdict(found.answer, found.answer).as_json()),
    ):
        assert "password=***" in told
        assert SECRET not in told


def test_the_name_of_a_field_moves_no_cursor():
    found = finding()
    (match,) = found.answer.matches
    odd = replace(match, target="ARGS:a\x1b[31m")
    told = replace(found, answer=replace(found.answer, matches=(odd,)))
    assert "\x1b" not in text(told)
    assert r"ARGS:a\x1b[31m" in text(told)


@pytest.mark.parametrize("width", [40, 80, 100])
@pytest.mark.parametrize("status", [200, 403])
def test_an_answer_fits_on_the_terminal(width: int, status: int):
    request = from_url(f"http://a.test/{'way/' * 40}?q=x")
    long = {
        "message": "a rule that says at some length what it has been looking for in requests",
        "details": {
            "ruleId": "942100",
            "match": f"against variable `ARGS:q' (Value: `{'y' * 99}' )",
            "severity": "2",
            "tags": ["attack-sqli"],
        },
    }
    judged = {"message": "(Total Score: 5)", "details": {"ruleId": "949110"}}
    access = {"route": "a.test/way/", "backend_status": "200" if status == 200 else ""}
    said = answer(request, status, access, {"messages": [long, judged]})
    found = Finding(said, 5, propose(said, Routing((), 0, 5, "/h", False, (), False)))
    lines = text(found, width=width).splitlines()
    pasted = ("reason: ", "path: ", "- rule: ", "what matched")
    rest = [line for line in lines if not any(word in line for word in pasted)]
    values = [line for line in rest if "yyy" in line]
    assert max(len(line) for line in rest if line not in values) <= width
    assert all(len(line) <= max(width, 59) for line in values)


NOWHERE = {"route": "", "backend_status": ""}


class NotFound:
    """Has no route for anything."""

    def judge(self, requests: Iterable[HttpRequest]) -> Iterator[Answer]:
        return (answer(request, 404, NOWHERE, {}) for request in requests)


@for_each(
    ("names", "url", "remark"),
    [
        (("a.test",), "/x", "for a.test, and localhost was asked: http://a.test/... asks"),
        (
            ("*.a", "b", "c", "d"),
            "/x",
            "for *.a, b, c, ..., and localhost was asked: http://www.a/",
        ),
        (("a.test",), "http://a.test/x", ""),
        (("*.a.test",), "http://b.a.test/x", ""),
        ((), "/x", ""),
    ],
)
def test_a_404_of_another_host_is_explained(names: tuple[str, ...], url: str, remark: str):
    hosts = (Host((), (), False, ()), Host(names, (), False, ()))
    routing = Routing(hosts, 0, 5, "/h", False, (), False)
    (found,) = Inspector(routing, NotFound(), ()).findings([from_url(url)])
    assert bool(found.remark) == bool(remark)
    assert remark in found.remark
    assert found.as_json()["note"] == found.remark
    assert found.remark in " ".join(text(found).split())
