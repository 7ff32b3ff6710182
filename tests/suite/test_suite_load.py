"""Files of tests: both forms, and one clear error for what is none."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.suite.document import SuiteError
from waf_builder.suite.load import load
from waf_builder.suite.model import BLOCK, PASS, Check

JUNK = "'junk' is no request line, expected one such as 'GET /path HTTP/1.1'"


def checks(folder: Path, text: str) -> list[Check]:
    (folder / "a.yaml").write_text(text, encoding="utf-8")
    return load([folder / "a.yaml"])


def test_the_short_form(tmp_path: Path):
    (tmp_path / "raw.txt").write_bytes(b"GET /raw HTTP/1.1\nHost: a.test\n\n")
    found = checks(
        tmp_path,
        "pass:\n"
        "  - /x\n"
        "  - curl https://a.test/y -d a=b\n"
        "  - request: raw.txt\n"
        "    status: 404\n"
        "block:\n"
        "  - {path: 'https://b.test/z?q=é', form: {a: [1, 'c d']}, headers: {Accept: null, X: z},\n"
        "     rules: 942100, no_rules: [1, 2], reason: why}\n",
    )
    assert [(one.place.line, one.name, one.verdicts) for one in found] == [
        (2, "GET /x", PASS),
        (3, "POST /y", PASS),
        (4, "GET /raw", PASS),
        (7, "why", BLOCK),
    ]
    assert found[2].wanted.status == (404,)
    wanted, request = found[3].wanted, found[3].request
    assert (wanted.rules, wanted.no_rules) == ((942100,), (1, 2))
    assert request
    assert (request.method, request.target, request.host) == ("POST", "/z?q=%C3%A9", "b.test")
    assert request.body == b"a=1&a=c+d"
    assert request.header("content-type") == "application/x-www-form-urlencoded"
    assert (request.header("accept"), request.header("x")) == ("", "z")


def test_json_and_other_bodies(tmp_path: Path):
    found = checks(
        tmp_path,
        "pass:\n"
        "  - {path: /a, json: {a: é}}\n"
        "  - {path: /b, method: PUT, body: <a/>, headers: {content-type: text/xml}}\n",
    )
    first, second = (one.request for one in found)
    assert first
    assert second
    assert (first.body, first.header("content-type")) == ('{"a":"é"}'.encode(), "application/json")
    assert (second.method, second.body, second.header("content-type")) == (
        "PUT",
        b"<a/>",
        "text/xml",
    )


def test_the_rule_sets_own_form(tmp_path: Path):
    stage = "input: {uri: /x, headers: {Host: a}}, output: {status: 403, log: {expect_ids: [1]}}"
    found = checks(
        tmp_path,
        "rule_id: 1\n"
        "tests:\n"
        f"  - {{test_id: 1, stages: [{{{stage}}}, {{input: {{raw_request: junk}}}}]}}\n"
        "  - {test_id: 2, stages: [{input: {}, output: {response_contains: x}}]}\n",
    )
    assert [(one.place.line, one.name, one.skipped) for one in found] == [
        (3, "1-1, stage 1", ""),
        (
            3,
            "1-1, stage 2",
            f"no client of HTTP could send it: line 1: {JUNK}",
        ),
        (4, "1-2", "it needs the answer of a backend"),
    ]
    assert (found[0].wanted.status, found[0].wanted.rules) == ((403,), (1,))


def test_a_folder_is_all_its_files(tmp_path: Path):
    (tmp_path / "below").mkdir()
    for name in ("b.yml", "a.yaml", "below/c.yaml", "notes.txt"):
        (tmp_path / name).write_text("pass: [/x]\n", encoding="utf-8")
    files = [Path(one.place.file).name for one in load([tmp_path])]
    assert files == ["a.yaml", "b.yml", "c.yaml"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pass: [", ":2:1: error: not YAML: "),
        ("tests: [", ":2:1: this is no YAML: "),
        (
            "pass: [/x]\npass: [/y]\n",
            ":2:1: error: the key 'pass' stands twice [yaml.duplicate-key]",
        ),
        ("pass:\n  - {path: /x, form: {a: on}}\n", ":2:26: error: on is text to some YAML readers"),
        ("pass:\n  - {path: /x, form: {a: 01234}}\n", ":2:26: error: 01234 is read as different"),
        ("pass:\n  - {path: /x, form: {a: 12:30}}\n", ":2:26: error: 12:30 is read as different"),
        ("pass: [/x]\ntests: []\nblock: &a []\nblock: *a\n", ":4:8: error: an alias"),
        ("pass:\n  - {path: /x, form: {a: {b: c}}}\n", ":2: {'b': 'c'} is no text"),
        ("- /x\n", ": expected a mapping with `pass`, `block` or `tests`"),
        ("passes: [/x]\n", ": it has neither `pass`, `block` nor `tests`"),
        ("pass: [/x]\nother: 1\n", ": unknown keys: other"),
        ("pass: /x\n", ": `pass` is no list of requests"),
        ("pass:\n  - 7\n", ":2: 7 is no request, expected a text or a mapping"),
        ("pass:\n  - /x\n  - nothing\n", ":3: 'nothing' is neither a file nor a request"),
        ("pass: [chekout.http]\n", ":1: 'chekout.http' is neither a file nor a request"),
        ("pass:\n  - requests/x.har\n", ":2: 'requests/x.har' is neither a file nor a request"),
        ("pass:\n  - {path: login}\n", ":2: 'login' is no URL"),
        ("block:\n  - curl --nope http://a\n", ":2: the curl option --nope is not known here"),
        ("block:\n  - {paht: /x}\n", ":2: unknown keys: paht; known are body, form, headers, "),
        ("block:\n  - {method: GET}\n", ":2: a request has a `path`, or is given whole"),
        ("block:\n  - {path: /, form: {a: b}, json: 1}\n", ":2: form and json are one body too"),
        ("block:\n  - {path: /, form: x}\n", ":2: `form` is no mapping"),
        ("block:\n  - {path: /, headers: x}\n", ":2: `headers` is no mapping"),
        ("block:\n  - {path: /, rules: [x]}\n", ":2: `rules` is ['x'], expected a number or a"),
        ("block:\n  - {request: /x, host: a}\n", ":2: `request` says all, so host cannot stand"),
        ("tests:\n  - {test_id: 1}\n", ":2: this is no test: no 'stages'"),
        ("tests:\n  - 7\n", ":2: this is no test: it is 7, expected a mapping"),
        ("tests:\n  - {stages: 7}\n", ":2: this is no test: `stages` is 7, expected a list"),
        ("tests:\n  - {stages: [7]}\n", ":2: this is no test: a stage is 7, expected a mapping"),
        ("tests:\n  - {stages: [{input: 7}]}\n", ":2: this is no test: `input` is 7, expected a m"),
        (
            "tests:\n  - {stages: [{input: {uri: 7}}]}\n",
            ":2: this is no test: `uri` is 7, expected a text",
        ),
        (
            "tests:\n  - {stages: [{input: {}, output: {status: '403'}}]}\n",
            ":2: this is no test: `status` is '403', expected a number or a list",
        ),
        (
            "tests:\n  - {stages: [{input: {}, output: {log: {expect_ids: [x]}}}]}\n",
            ":2: this is no test: one of `expect_ids` is 'x', expected a number",
        ),
        (
            "tests:\n  - {stages: [{input: {}, output: {log: {match_regex: '('}}}]}\n",
            ":2: this is no test: '(' is no regular expression: missing ), unterminated",
        ),
        ("meta: 5\ntests: []\n", ": `meta` is 5, expected a mapping"),
        ("tests:\n  - 2026-01-32\n", ": a value cannot be read: day is out of range"),
        ("tests:\n  - {stages: [{input: {metod: GET}}]}\n", ":2: this is no test: unknown keys: m"),
        ("tests: 7\n", ": `tests` is no list of tests"),
        ("", "there are no tests in "),
    ],
)
def test_what_is_no_test_says_where(tmp_path: Path, text: str, message: str):
    with pytest.raises((SuiteError, ProblemsError)) as raised:
        checks(tmp_path, text)
    said = str(raised.value)
    assert said.removeprefix(str(tmp_path / "a.yaml")).startswith(message), said


@pytest.mark.parametrize("text", ["pass:\n  - /caf\xe9\n", "tests: []\n# \xe9\n"])
def test_a_file_that_is_no_utf_8(tmp_path: Path, text: str):
    (tmp_path / "a.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SuiteError, match=r"a\.yaml:2: this is no UTF-8"):
        load([tmp_path / "a.yaml"])


def test_an_endless_file_is_not_read_to_its_end():
    with pytest.raises(WafBuilderError) as raised:
        load([Path("/dev/zero")])
    assert str(raised.value) == "/dev/zero has more than 16,777,216 bytes; no tests need as many"


def test_lines_may_end_as_windows_has_them(tmp_path: Path):
    text = "# a\r\n\r\n  tests:\r\n  - {test_id: 1, stages: [{input: {stop_magic: yes}}]}\r\n"
    (tmp_path / "a.yaml").write_bytes(text.encode())
    assert [one.place.line for one in load([tmp_path / "a.yaml"])] == [4]


def test_values_are_sent_as_they_are_written(tmp_path: Path):
    found = checks(
        tmp_path,
        "\ufeffpass:\n"
        "  - {path: /, form: {yes: true, no: [false, 1], none: ~, zip: '01234'}}\n"
        "  - {path: /, headers: {X-A: true, X-B: 10}}\n"
        "  - {path: /, json: {day: 2026-01-01, n: 1.5}}\n".replace("yes:", "'yes':").replace(
            "no:", "'no':"
        ),
    )
    form, headers, body = (one.request for one in found)
    assert form
    assert form.body == b"yes=true&no=false&no=1&none=&zip=01234"
    assert headers
    assert (headers.header("x-a"), headers.header("x-b")) == ("true", "10")
    assert body
    assert body.body == b'{"day":"2026-01-01","n":1.5}'


@pytest.mark.parametrize("indent", ["", "  "])
def test_the_rule_sets_own_form_is_read_as_its_runner_does(tmp_path: Path, indent: str):
    lines = [
        "---",
        "# a comment",
        "meta: {enabled: true}",
        "tests:",
        "- {test_id: 1, stages: [{input: {stop_magic: yes, data: &a x}}]}",
        "- {test_id: 2, stages: [{input: {data: *a}}]}",
    ]
    text = "\n".join([*lines[:2], *(f"{indent}{line}" for line in lines[2:]), ""])
    assert len(checks(tmp_path, text)) == 2


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(SuiteError) as raised:
        load([tmp_path / "none.yaml"])
    assert str(raised.value) == (
        f"there is no {tmp_path}/none.yaml\n"
        "    Tests stand in tests/waf/ beside the spec, or in files that are named after it."
    )


_ENTRIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["request", "path", "method", "headers", "form", "json", "rules"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


@given(st.sampled_from(["pass", "block", "tests"]), st.lists(_ENTRIES, min_size=1, max_size=2))
def test_no_file_ends_in_a_traceback(key: str, entries: list[object]):
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = checks(Path(folder), json.dumps({key: entries}))
        except (SuiteError, ProblemsError):
            return
    assert all(one.request is None or one.request.wire() for one in found)
