"""The strict reader: what it takes, what it refuses, and where it says that things stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cases import for_each

from waf_builder.problem import Place
from waf_builder.spec import yaml


def read(text: str) -> yaml.Document:
    return yaml.read(text, "f.yaml")


def codes(text: str) -> list[str]:
    return [problem.code for problem in read(text).problems]


@for_each(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("999999999999999", 999999999999999),
        ("1.5", 1.5),
        ("off", "off"),
        ("10m", "10m"),
        (".5", ".5"),
        ("1.2.3", "1.2.3"),
        ("2026-11-23", "2026-11-23"),
        ("http://a/b", "http://a/b"),
        ("a b", "a b"),
        ('"010"', "010"),
        ("'yes'", "yes"),
        ('"true"', "true"),
        ("'null'", "null"),
        ('"\\u00e9"', "é"),
        ("=", "="),
    ],
)
def test_a_value(text: str, value: object):
    document = read(f"a: {text}\n")

    assert document.problems == []
    assert document.data == {"a": value}
    assert type(document.data["a"]) is type(value)


@for_each("text", ["yes", "Yes", "YES", "no", "No", "on", "On", "y", "Y", "n", "N", "nO"])
def test_a_word_that_some_readers_take_for_true_or_false(text: str):
    assert codes(f"a: {text}\n") == ["yaml.word"]


@pytest.mark.parametrize("text", ["True", "TRUE", "False", "Null", "NULL", "OFF", "Off"])
def test_a_word_in_another_case(text: str):
    (problem,) = read(f"a: {text}\n").problems

    assert (problem.code, problem.message) == ("yaml.word", f"{text} is written {text.lower()}")


@for_each(
    "text",
    [
        "010",
        "0o17",
        "0x1F",
        "0b101",
        "1_000",
        "10:30",
        "1:2:3",
        "1e3",
        "1.5e-3",
        "+5",
        ".inf",
        "-.inf",
        ".nan",
        "-010",
        "1234567890123456",
    ],
)
def test_a_number_that_readers_read_differently(text: str):
    assert codes(f"a: {text}\n") == ["yaml.number"]


@for_each(
    "text",
    [
        "!x b",
        "!!str 5",
        "!!int '5'",
        "!!binary aGk=",
        "!!python/name:os.system x",
        "!!map {b: 1}",
        "!x [1]",
        "!!set {b}",
        "!<tag:example.com,2026:x> 'b'",
    ],
)
def test_a_tag(text: str):
    expected = [] if text.startswith("!!map") else ["yaml.tag"]

    assert codes(f"a: {text}\n") == expected


def test_keys_are_text_as_written():
    assert read("1: a\nyes: b\nnull: c\n010: d\n").data == {
        "1": "a",
        "yes": "b",
        "null": "c",
        "010": "d",
    }


def test_the_first_of_two_equal_keys_counts_and_both_are_named():
    document = read("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n")

    assert document.data == {"a": 1, "b": {"c": 1}}
    assert [str(problem.place) for problem in document.problems] == ["f.yaml:4:3", "f.yaml:5:1"]
    assert [problem.hint for problem in document.problems] == [
        "The first is at line 3. Keep one.",
        "The first is at line 1. Keep one.",
    ]


def test_a_recursive_alias_ends():
    assert codes("a: &a [*a]\nb: &b {c: *b}\n") == ["yaml.alias", "yaml.alias"]


def test_aliases_do_not_multiply():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]"
        for n in range(1, 12)  # 9^12 elements
    ]

    assert codes("\n".join(lines)) == ["yaml.alias"] * 99


@for_each("depth", [101, 1_000, 100_000])
@for_each("form", ["[", "{a: ", "- ", "? "])
def test_nesting_has_a_limit(depth: int, form: str):
    assert codes(form * depth) == ["yaml.syntax"]


def test_nesting_by_indentation_has_a_limit():
    assert codes("\n".join(f"{' ' * n}a:" for n in range(2_000))) == ["yaml.syntax"]


def test_places():
    document = read("a:\n  - b: 1\n    c: [x,   y]\nd: |\n  text\n")

    assert document.place(("a",)) == Place("f.yaml", 2, 3)
    assert document.place(("a",), key=True) == Place("f.yaml", 1, 1)
    assert document.place(("a", 0, "c", 1)) == Place("f.yaml", 3, 14)
    assert document.place(("d",)) == Place("f.yaml", 4, 4)
    # What is not there stands where the nearest thing around it does.
    assert document.place(("a", 0, "nothing", 3)) == Place("f.yaml", 2, 5)
    assert document.place(("nothing",)) == Place("f.yaml", 1, 1)
    assert read("").place(("a",)) == Place("f.yaml", 1, 1)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), "the spec"),
        (("waf", "mode"), "waf.mode"),
        (("routes", 1, "hosts", 0), "routes[1].hosts[0]"),
        (("backends", "my-api", "a\nb"), "backends.my-api.'a\\nb'"),
    ],
)
def test_paths_as_people_write_them(path: yaml.Path, text: str):
    assert yaml.dotted(path) == text


def test_an_order_mark_and_other_line_ends_are_nothing_special():
    assert read("\ufeffa: 1\r\nb: 2\r\n").data == {"a": 1, "b": 2}
    assert read("a: 1\rb: 2\r").data == {"a": 1, "b": 2}


@pytest.mark.parametrize("text", ["a: \x00", "a: \x07", "\ud800", 'a: "\\ud800"', "a: \x80"])
def test_characters_that_yaml_does_not_have(text: str):
    assert codes(text) == ["yaml.syntax"]


def test_tabs_are_named():
    (problem,) = read("a:\n\tb: 1\n").problems

    assert problem.hint == "YAML is indented with spaces, and a tab stands here."


def test_an_open_quote_is_traced_to_its_start():
    (problem,) = read("a: 1\nb: 'c\n\nd: 2\n").problems

    assert problem.hint == "while scanning a quoted scalar that begins at line 2."


_PIECES = st.sampled_from(
    [
        *"[]{},:-?!&*#|>'\"%@` \n\t\\",
        "\n  ",
        ": ",
        "- ",
        "? ",
        "<<",
        "---\n",
        "...\n",
        "&a ",
        "*a",
        "!!str ",
        "yes",
        "010",
        "\r\n",
        "\ufeff",
        "\x00",
        "\x85",
        "\u2028",
        "é",
        "\U0001f600",
        "backend",
        "routes",
        "%YAML 1.1\n",
        "|\n ",
        ">-\n",
    ]
)


@given(st.lists(_PIECES | st.text(max_size=5), max_size=40).map("".join))
def test_any_text_is_read_or_refused(text: str):
    document = read(text)

    for problem in document.problems:
        assert problem.code.startswith("yaml.")
        assert problem.place
        assert problem.place.line >= 1
        assert "\n" not in problem.message
