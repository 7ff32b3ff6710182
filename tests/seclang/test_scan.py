from __future__ import annotations

from pathlib import Path

from support.cases import for_each

from waf_builder.problem import Place
from waf_builder.seclang import Span, read, read_text, to_bytes


def arguments(text: str) -> list[list[str]]:
    return [
        [directive.name, *(argument.text for argument in directive.arguments)]
        for directive in read(text).directives
    ]


@for_each(
    ("text", "expected"),
    [
        ("SecRuleEngine On", ["SecRuleEngine", "On"]),
        ("  SecRuleEngine\tOn\r\n", ["SecRuleEngine", "On"]),
        ("SecRuleEngine \\\n    On\n", ["SecRuleEngine", "On"]),
        ("SecRuleEngine\\\r\n  On\r\n", ["SecRuleEngine", "On"]),
        ('SecRule ARGS "a b" "id:1"', ["SecRule", "ARGS", "a b", "id:1"]),
        ("SecRule ARGS 'a \"b' \"id:1\"", ["SecRule", "ARGS", 'a "b', "id:1"]),
        (r'SecRule ARGS "a\"b\\" "id:1"', ["SecRule", "ARGS", r"a\"b\\", "id:1"]),
        (r"SecRule ARGS \d+ id:1", ["SecRule", "ARGS", r"\d+", "id:1"]),
        ('SecRule ARGS "" "id:1"', ["SecRule", "ARGS", "", "id:1"]),
        ('SecAction "id:1,\\\n  pass"', ["SecAction", "id:1,\\\n  pass"]),
        ("SecMarker 'END'", ["SecMarker", "END"]),
        ("SecResponseBodyMimeType text/html text/xml", [
            "SecResponseBodyMimeType", "text/html", "text/xml",
        ]),
    ],
)  # fmt: skip
def test_arguments(text: str, expected: list[str]):
    assert arguments(text) == [expected]


def test_directives_comments_and_blank_lines():
    text = "# one\n\nSecMarker A\n  # two\nSecMarker B\n"

    document = read(text, "own.conf")

    assert [text[slice(*span)] for span in document.comments] == ["# one", "# two"]
    assert [str(directive.place) for directive in document.directives] == [
        "own.conf:3:1",
        "own.conf:5:1",
    ]


def test_the_place_of_an_argument():
    document = read('SecMarker A\nSecRule ARGS \\\n    "@rx x"\n', "own.conf")

    operator = document.directives[1].arguments[1]

    assert document.source.place(operator.outer.start) == Place("own.conf", 3, 5)
    assert operator.outer == Span(operator.span.start - 1, operator.span.end + 1)


def test_a_commented_rule_goes_on_as_the_engine_reads_it():
    text = '#SecRule ARGS "x" \\\n    "id:1"\nSecMarker A\n'

    document = read(text)

    assert [text[slice(*span)] for span in document.comments] == [text[: text.index("\nSecM")]]
    assert not document.problems


def test_an_unclosed_quote_hides_only_its_own_lines():
    text = 'SecRule ARGS "@rx x" "id:1,\n  phase:2"\nSecMarker A\n# "\nSecMarker B\n'

    document = read(text, "own.conf")

    assert [str(problem.place) for problem in document.problems] == ["own.conf:1:22"]
    assert [directive.name for directive in document.directives] == [
        "SecRule",
        "SecMarker",
        "SecMarker",
    ]


def test_every_problem_at_once():
    text = 'SecRule ARGS\nSecMarker A \\\n\nSecAction "id:1,chain"\nSecRule ARGS "x'

    codes = [problem.code for problem in read(text).problems]

    assert codes == [
        "seclang.missing-argument",
        "seclang.dangling-continuation",
        "seclang.unterminated-quote",
    ]


def test_bytes_that_are_no_text_survive(tmp_path: Path):
    file = tmp_path / "own.conf"
    file.write_bytes(b"# caf\xe9\r\nSecMarker A\r\n")

    text = read_text(file)

    assert to_bytes(read(text).text) == b"# caf\xe9\r\nSecMarker A\r\n"
