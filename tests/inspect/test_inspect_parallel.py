"""Many requests, shared among processes: each answer is that of its own request."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf_builder.inspect.inprocess import LibraryJudge
from waf_builder.inspect.inspector import Inspector
from waf_builder.inspect.library import Library
from waf_builder.inspect.parallel import ParallelJudge
from waf_builder.inspect.report import Finding
from waf_builder.inspect.request import HttpRequest, RequestError, from_url
from waf_builder.inspect.routing import Host, Route, Routing

pytest.importorskip("libmodsecurity", reason="there is no wheel for this system")
ROUTE = Route(
    label="/",
    path="/",
    exact=False,
    mode="block",
    rules="",
    methods="",
    content_types="",
    max_body=0,
    threshold=5,
    level=1,
)
RULES = {
    "modsecurity/main.conf": (
        "Include engine.conf\n"
        'SecRule ARGS:q "@contains attack" '
        "\"id:100,phase:1,deny,status:403,log,auditlog,msg:'found',logdata:'%{MATCHED_VAR}'\"\n"
        'SecRule ARGS:q "@contains odd" '
        "\"id:101,phase:1,pass,log,auditlog,msg:'odd',logdata:'%{MATCHED_VAR}'\"\n"
    ),
    "modsecurity/engine.conf": (
        "SecRuleEngine On\nSecAuditEngine RelevantOnly\nSecAuditLogRelevantStatus ^$\n"
        "SecAuditLogFormat JSON\nSecAuditLogParts AHZ\nSecAuditLogType Serial\n"
        "SecAuditLog /dev/stdout\n"
    ),
    "modsecurity/routes/strict.conf": (
        'SecRule REQUEST_URI "@contains strict" "id:102,phase:1,deny,status:403,log,auditlog"\n'
    ),
}
STRICT = Route(**{**vars(ROUTE), "path": "/strict/", "rules": "modsecurity/routes/strict.conf"})
ROUTING = Routing((Host((), (ROUTE, STRICT), True, ()),), 0, 5, "/health", False, (), False)
WORDS = ("attack", "odd", "plain")


def target(number: int) -> str:
    below = "strict/" if number % 7 == 0 else ""
    return f"/{below}?q={WORDS[number % 3]}{number}"


@pytest.mark.parametrize("count", [1, 99, 100, 1234])
def test_every_answer_is_that_of_its_request(count: int, tmp_path: Path, capfd):
    requests = [from_url(target(number)) for number in range(count)]
    judge = LibraryJudge(ROUTING, Library(RULES, ""))
    with ParallelJudge(judge, 3) as parallel:
        # Twice, so that what one call leaves behind would be seen by the other.
        answers = [*parallel.judge(iter(requests)), *parallel.judge(requests)]
    assert len(answers) == 2 * count
    for number, answer in zip(itertools.chain(range(count), range(count)), answers, strict=True):
        asked = target(number)
        assert answer.request.target == asked
        strict, word = number % 7 == 0, WORDS[number % 3]
        assert answer.verdict == ("block" if strict or word == "attack" else "pass")
        found = {match.rule: match.value for match in answer.matches}
        if strict:
            assert list(found) == [102]
        elif word == "plain":
            assert found == {}
        else:
            assert found == {100 if word == "attack" else 101: asked.partition("q=")[2]}
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(("count", "processes"), [(1, 1), (150, 1), (150, 2)])
def test_what_was_asked_before_one_that_cannot_be_read_is_answered(count: int, processes: int):
    def requests() -> Iterator[HttpRequest]:
        yield from (from_url(target(number)) for number in range(count))
        raise RequestError("entry 7 is none")

    answered: list[Finding] = []
    with ParallelJudge(LibraryJudge(ROUTING, Library(RULES, "")), processes) as parallel:
        findings = Inspector(ROUTING, parallel, ()).findings(requests())
        with pytest.raises(RequestError, match="entry 7 is none"):
            answered.extend(findings)
    assert len(answered) == count


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ParallelJudge(LibraryJudge(ROUTING, Library(RULES, "")), 2) as parallel:
        assert [one.name for one in tmp_path.iterdir()]
        list(parallel.judge([from_url(target(number)) for number in range(300)]))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def judge() -> Iterator[LibraryJudge]:
    with LibraryJudge(ROUTING, Library(RULES, "")) as entered:
        yield entered


BYTES = st.text(st.characters(max_codepoint=255), max_size=30)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["Host", "Content-Length", "Transfer-Encoding", "Content-Type", "X"])
        | BYTES,
        st.sampled_from(["a.test", "3", "chunked", "text/xml"]) | BYTES,
    ),
    max_size=4,
)


@given(
    st.sampled_from(["GET", "POST"]) | BYTES,
    BYTES | BYTES.map("/{}".format),
    HEADERS.map(tuple),
    st.binary(max_size=30),
    st.sampled_from(["1.0", "1.1"]) | BYTES,
)
def test_no_request_ends_in_a_traceback(  # noqa: PLR0913, PLR0917  a request has as many parts
    judge: LibraryJudge,
    method: str,
    target: str,
    headers: tuple[tuple[str, str], ...],
    body: bytes,
    version: str,
):
    request = HttpRequest(method, target, headers, body, version)
    (answer,) = judge.judge([request])
    assert answer.request == request
    assert (answer.verdict == "error") == bool(answer.note)
