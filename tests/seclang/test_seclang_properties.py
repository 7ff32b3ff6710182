"""Whatever the text: nothing is raised, nothing is lost, and what is written is read back."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from waf_builder.check.seclang import lint
from waf_builder.seclang import Document, Span, read, rule_ids, to_bytes

FRAGMENTS = [
    *"\"'\\\n\t ,|:#!&@%{}/=()[]*-;\r\ufeffé\0",
    *(
        "\r\n",
        "\\\n",
        "\\\r\n",
        "\\ \n",
        "SecRule ",
        "SecAction ",
        "SecMarker ",
        "Include ",
        "#SecRule ",
    ),
    *("SecRuleRemoveById ", "SecRuleUpdateTargetById ", "SecRuleEngine ", "ARGS", "TX:a", "XML:/*"),
    *("@rx ", "@pm ", "id:1", "phase:2", "chain", "msg:'", "ctl:", "setvar:", "t:none", "%{tx.a}"),
    *("ruleRemoveTargetById=1;ARGS:x", "ruleRemoveById=949110", "skipAfter:", "1-5", "'/a|b/'"),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3), max_size=40).map("".join)
NOTHING_BETWEEN = re.compile(r"\ufeff?(?:[ \t\r\n\f\v]|\\[ \t]*\r?\n|\\\Z)*")


def spans(document: Document) -> list[Span]:
    directives = [directive.span for directive in document.directives]
    inside = [
        comment
        for comment in document.comments
        if not any(span.start < comment.start < span.end for span in directives)
    ]
    return sorted([*directives, *inside])


@given(TEXTS)
def test_nothing_raises(text: str):
    document = read(text, "x.conf")

    assert document.text == text
    assert all(problem.place and problem.place.line >= 1 for problem in document.problems)
    lint({"x.conf": text}, [1, 942100])
    rule_ids({"x.conf": text})


@given(TEXTS)
def test_nothing_is_lost(text: str):
    document = read(text)

    position = 0
    for span in spans(document):
        assert NOTHING_BETWEEN.fullmatch(text, position, span.start), (position, span)
        position = span.end
    assert NOTHING_BETWEEN.fullmatch(text, position)


@given(TEXTS)
def test_every_part_is_where_it_says(text: str):
    for directive in read(text).directives:
        for argument in directive.arguments:
            start, end = argument.span
            assert text[start:end] == argument.text
            assert directive.span.start <= start <= end <= directive.span.end
        rule = directive.rule
        for variable in rule.variables if rule else ():
            written = text[slice(*variable.span)]
            assert variable.name in written
            assert (variable.selector or "") in written
        for action in rule.actions if rule else ():
            assert text.startswith(action.value or "", action.value_start)
            assert text[slice(*action.span)].startswith(action.name)


@given(TEXTS, st.data())
def test_an_edit_changes_nothing_else(text: str, data: st.DataObject):
    document = read(text)
    arguments = [arg for directive in document.directives for arg in directive.arguments]
    chosen = data.draw(st.lists(st.sampled_from(arguments), unique=True)) if arguments else []

    edited = document.replaced({argument.span: "NEW" for argument in chosen})

    pieces, position = [], 0
    for argument in sorted(chosen, key=lambda argument: argument.span):
        pieces += [re.escape(text[position : argument.span.start]), "NEW"]
        position = argument.span.end
    assert re.fullmatch("".join([*pieces, re.escape(text[position:])]), edited)


NAMES = st.sampled_from(["ARGS", "TX", "REQUEST_HEADERS", "REQUEST_URI", "XML"])
WORDS = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
SELECTORS = (
    WORDS
    | st.from_regex(r"/[a-z^$.\\]{1,6}[a-z]/", fullmatch=True)
    | st.from_regex(r"'/[a-z|]{1,6}/'", fullmatch=True)
)
VARIABLES = st.builds(
    lambda mark, name, selector: mark + name + (f":{selector}" if selector else ""),
    st.sampled_from(["", "!", "&"]),
    NAMES,
    st.none() | SELECTORS,
)
ARGUMENTS = st.from_regex(r'(?:[a-z0-9|(). %,\'=]|\\[\\"d.])+', fullmatch=True)
OPERATORS = st.builds(
    lambda mark, name, text: f"{mark}@{name} {text}",
    st.sampled_from(["", "!"]),
    st.sampled_from(["rx", "pm", "contains"]),
    ARGUMENTS,
) | ARGUMENTS.filter(lambda text: not text.startswith((" ", "!")))
VALUES = WORDS | st.from_regex(r"'(?:[a-z, :=|]|\\')+'", fullmatch=True)
ACTIONS = st.builds(
    lambda name, value: f"{name}:{value}" if value else name,
    st.sampled_from(["id", "msg", "t", "deny", "ctl", "setvar"]),
    st.none() | VALUES,
)


@given(
    st.lists(VARIABLES, min_size=1, max_size=5),
    OPERATORS,
    st.lists(ACTIONS, min_size=1, max_size=6),
    st.sampled_from([" ", " \\\n    ", "\t", " \\\r\n  "]),
    st.sampled_from([",", ",\\\n    ", ", ", "\\\n  ,"]),
)
def test_what_is_written_is_read_back(
    variables: list[str], operator: str, actions: list[str], gap: str, comma: str
):
    text = f'SecRule{gap}{"|".join(variables)}{gap}"{operator}"{gap}"{comma.join(actions)}"\n'

    document = read(text)

    (directive,) = document.directives
    rule = directive.rule
    assert rule
    assert rule.sound
    assert not rule.problems
    assert [str(variable) for variable in rule.variables] == variables
    assert str(rule.operator) == operator
    assert [str(action) for action in rule.actions] == actions
    for variable in rule.variables:
        assert text[slice(*variable.span)] == str(variable)
    for action in rule.actions:
        assert text[slice(*action.span)] == str(action)


@given(st.binary(max_size=200))
def test_bytes_survive(data: bytes):
    text = data.decode("utf-8", "surrogateescape")

    assert to_bytes(read(text).text) == data
