"""Tests of the Core Rule Set project, read in both of their forms, and the bytes they send."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from waf_builder.suite.ftw import Input, Output, SuiteError, load
from waf_builder.suite.wire import encode

OLDER = """\
meta: {author: someone, enabled: true, name: 942100.yaml}
tests:
  - test_title: 942100-1
    stages:
      - stage:
          input:
            dest_addr: 127.0.0.1
            port: 80
            method: POST
            headers: {Host: localhost, Content-Length: 3}
            data: a=b
            stop_magic: true
          output:
            status: [403, 400]
            log_contains: id "942100"
"""
NEWER = """\
meta: {author: someone}
rule_id: 942100
tests:
  - test_id: 1
    stages:
      - input:
          method: POST
          headers: {Host: localhost, Content-Length: 3}
          data: a=b
          autocomplete_headers: false
        output:
          status: 403
          log: {expect_ids: [942100], no_expect_ids: [942110], match_regex: found}
          retry_once: true
"""


def write(folder: Path, text: str, name: str = "942100.yaml") -> Path:
    tests = folder / "tests"
    tests.mkdir(exist_ok=True)
    (tests / name).write_text(text, encoding="utf-8")
    return tests


def read(folder: Path, **given: object) -> Input:
    """Return the input of a test of the newer form with these keys."""
    text = f"{{rule_id: 942100, tests: [{{test_id: 1, stages: [{{input: {given}}}]}}]}}"
    ((stage,),) = (case.stages for case in load(write(folder, text)))
    return stage.input


def test_both_forms_are_the_same_request(tmp_path: Path):
    (older,) = load(write(tmp_path, OLDER))
    (newer,) = load(write(tmp_path, NEWER))

    assert older.id == newer.id == "942100-1"
    assert older.stages[0].input == newer.stages[0].input
    assert older.stages[0].output == Output(status=(403, 400), log='id "942100"')
    assert newer.stages[0].output == Output(
        status=(403,), rules=(942100,), no_rules=(942110,), log="found"
    )


def test_a_disabled_file_is_skipped_with_the_reason(tmp_path: Path):
    (case,) = load(write(tmp_path, OLDER.replace("enabled: true", "enabled: false")))

    assert case.skipped == "the file is disabled"


def test_an_id_that_stands_twice_is_told_apart(tmp_path: Path):
    write(tmp_path, NEWER, "1.yaml")

    assert [case.id for case in load(write(tmp_path, NEWER, "2.yml"))] == [
        "942100-1",
        "942100-1(2)",
    ]


def test_what_the_project_expects_of_nginx_replaces_the_output(tmp_path: Path):
    (tmp_path / "nginx-overrides.yaml").write_text(
        "test_overrides: [{rule_id: 942100, test_ids: [1], output: {status: 400}}]",
        encoding="utf-8",
    )
    (case,) = load(write(tmp_path, NEWER))

    assert case.stages[0].output == Output(status=(400,))


@pytest.mark.parametrize(
    "text",
    [
        NEWER.replace("method", "methode"),
        NEWER.replace("status", "statuses"),
        NEWER.replace("match_regex", "match"),
        NEWER.replace("input", "inputs"),
    ],
)
def test_a_test_that_says_something_unknown_is_an_error(tmp_path: Path, text: str):
    with pytest.raises(SuiteError, match="942100"):
        load(write(tmp_path, text))


def test_a_folder_without_tests_is_an_error(tmp_path: Path):
    with pytest.raises(SuiteError, match="no tests"):
        load(write(tmp_path, "---\n"))


def test_a_request_given_as_bytes_is_sent_as_it_is(tmp_path: Path):
    encoded = base64.b64encode(b"GET / JUNK\n\n").decode()

    assert encode(read(tmp_path, encoded_request=encoded)) == b"GET / JUNK\n\n"
    assert encode(read(tmp_path, raw_request="GET /\u00ac")) == "GET /\u00ac".encode()


def test_long_data_may_be_abbreviated(tmp_path: Path):
    assert read(tmp_path, data='a={{ "xy" | repeat 3 }}!').data == b"a=xyxyxy!"


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (Input(), b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
        (Input(completes=False), b"GET / HTTP/1.1\r\n\r\n"),
        (
            Input(method="POST", version="HTTP/1.0"),
            b"POST / HTTP/1.0\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            Input(headers=(("connection", "keep-alive"), ("Content-Type", "a/b")), data=b"x y"),
            (
                b"GET / HTTP/1.1\r\nconnection: keep-alive\r\nContent-Type: a/b\r\n"
                b"Content-Length: 3\r\n\r\nx y"
            ),
        ),
    ],
)
def test_what_a_client_has_to_send_is_added(given: Input, sent: bytes):
    assert encode(given) == sent


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"a=<b> c&d", b"a=%3Cb%3E+c&d"),
        (b"a=%3Cb> c", b"a=%3Cb> c"),  # encoded already, in part
        (b"a=1+<b>", b"a=1+<b>"),
        (b"\xc3\xa9=1", b"%C3%A9=1"),
    ],
)
def test_a_form_is_encoded_unless_it_is(data: bytes, body: bytes):
    sent = encode(Input(method="POST", data=data))

    assert sent.endswith(b"\r\n\r\n" + body)
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in sent
    assert encode(Input(method="POST", data=data, completes=False)).endswith(b"\r\n\r\n" + data)


def test_lines_of_multipart_end_as_they_have_to():
    headers = (("Content-Type", "multipart/form-data; boundary=b"),)

    assert encode(Input(headers=headers, data=b"--b\r\n\n--b--\n")).endswith(
        b"--b\r\n\r\n--b--\r\n"
    )
