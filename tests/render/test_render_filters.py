"""Filters: a value is safe where it is printed, or refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import for_each

from waf_builder.check.syntax import directives
from waf_builder.render.filters import (
    FILTERS,
    comment,
    nginx_quote,
    nginx_size,
    nginx_time,
    nginx_word,
    seclang_pattern,
    seclang_target,
    seclang_value,
)


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("", '""'),
        ("a b", '"a b"'),
        ('a"b', r'"a\"b"'),
        ("a\\", r'"a\\"'),
        ("é;{}", '"é;{}"'),
        ("'", '"\'"'),
    ],
)
def test_nginx_quote(value: str, quoted: str):
    assert nginx_quote(value) == quoted


@pytest.mark.parametrize("value", ["$host", "a\nb", "\x00", "\x7f", "a\tb", "\r"])
def test_nginx_quote_refuses(value: str):
    with pytest.raises(ValueError, match=re.escape(repr(value))):
        nginx_quote(value)


@for_each(
    ("value", "word"),
    [
        ("/a/b", "/a/b"),
        ("a.b:80", "a.b:80"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("*.a.com", "*.a.com"),
        ("@TOKEN@", "@TOKEN@"),
        ("", '""'),
        ("a b", '"a b"'),
        ("a;b", '"a;b"'),
        ("[::1]:80", '"[::1]:80"'),
        ("é", "é"),
        ("/é", '"/é"'),
        ("{", '"{"'),
        ("#", '"#"'),
        ("a'b", '"a\'b"'),
    ],
)
def test_nginx_word(value: str, word: str):
    assert nginx_word(value) == word


@given(st.text())
def test_a_word_is_one_argument_and_nothing_else(value: str):
    try:
        word = nginx_word(value)
    except ValueError:
        assert re.search(r"[\x00-\x1f\x7f$]", value)
        return
    if not value.isprintable() and any("\ud800" <= char <= "\udfff" for char in value):
        return  # no text of a file

    text = f"http {{ server {{ server_name {word}; }} }}"

    assert [name for _, name in directives(text)] == ["http", "server", "server_name"]


@pytest.mark.parametrize(
    ("value", "size"),
    [(1, "1"), (1023, "1023"), (1024, "1k"), (1536, "1536"), (1024**2, "1m"), (1024**3, "1024m")],
)
def test_nginx_size(value: int, size: str):
    assert nginx_size(value) == size


@pytest.mark.parametrize(
    ("value", "time"),
    [(1, "1ms"), (999, "999ms"), (1000, "1s"), (1500, "1500ms"), (60_000, "1m"), (3_600_000, "1h")],
)
def test_nginx_time(value: int, time: str):
    assert nginx_time(value) == time


@pytest.mark.parametrize(
    "value", ["", "5", "GET HEAD", "|text/plain| |application/a+json|", "/if/"]
)
def test_seclang_value(value: str):
    assert seclang_value(value) == value


@for_each("value", ["'", '"', "a,setvar:'b", "%{tx.a}", "a\nb", "a\\", "é", ";"])
def test_seclang_value_refuses(value: str):
    # A comma is harmless inside of the quotes around the value; a quote is what ends them.
    with pytest.raises(ValueError, match="cannot be a value of a SecLang variable"):
        seclang_value(value)


@pytest.mark.parametrize(
    ("value", "line"), [("a", "a"), ("a\nb", "a b"), ("a\r\nb", "a  b"), ("a\\", "a"), ("é", "é")]
)
def test_comment(value: str, line: str):
    assert comment(value) == line


@given(st.text())
def test_a_comment_ends_where_it_should(value: str):
    line = comment(value)

    assert "\n" not in line
    assert "\r" not in line
    assert not line.endswith("\\")  # SecLang would go on in the next line


@pytest.mark.parametrize("value", ["^/a(?:[/?]|$)", r"^a\x27[.]b++$", "%2f", "é"])
def test_a_pattern_stays_as_it_is(value: str):
    assert seclang_pattern(value) == value


@pytest.mark.parametrize("value", ['a"b', "a\nb", "a%{tx.a}", "a\\", "50%", "a\x00"])
def test_a_pattern_that_would_be_something_else_is_refused(value: str):
    with pytest.raises(ValueError, match="cannot be a regular expression"):
        seclang_pattern(value)


TARGETS = [
    "ARGS",
    "ARGS:a",
    "ARGS:user[0].x",
    "ARGS:/^a[0-9]+$/",
    "ARGS:'/^(?:a|b)$/'",
    "XML:/*",
    "XML://@*",
]


@pytest.mark.parametrize("value", TARGETS)
def test_a_target_stays_as_it_is(value: str):
    assert seclang_target(value) == value


@for_each(
    "value",
    [
        "",
        "args",
        "ARGS:",
        "ARGS:a b",
        'ARGS:a"',
        "ARGS:a,b",
        "ARGS|TX",
        "ARGS:a;ARGS:b",
        "ARGS:a'",
        "ARGS:a\n",
    ],
)
def test_a_target_that_would_be_something_else_is_refused(value: str):
    with pytest.raises(ValueError, match="cannot be the target"):
        seclang_target(value)


def test_templates_know_the_filters_by_these_names():
    assert {name: filter_.__name__ for name, filter_ in FILTERS.items()} == {
        name: name
        for name in (
            "nginx_quote",
            "nginx_word",
            "nginx_size",
            "nginx_time",
            "seclang_value",
            "seclang_pattern",
            "seclang_target",
            "comment",
        )
    }
