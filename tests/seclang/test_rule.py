from __future__ import annotations

import pytest
from support.cases import for_each

from waf_builder.seclang import Rule, Variable, read


def rule(text: str) -> Rule:
    found = read(text).directives[0].rule
    assert found
    return found


def variables(text: str) -> list[Variable]:
    return list(rule(f'SecRule {text} "x" "id:1"').variables)


@for_each(
    ("text", "expected"),
    [
        ("ARGS", [("ARGS", None, None)]),
        ("args|Tx.a", [("ARGS", None, None), ("TX", "a", None)]),
        ("ARGS:a,ARGS:b", [("ARGS", "a", None), ("ARGS", "b", None)]),
        ("ARGS:/^x/|REQUEST_URI", [("ARGS", "/^x/", "^x"), ("REQUEST_URI", None, None)]),
        ("ARGS:'/^a|b$/'", [("ARGS", "'/^a|b$/'", "^a|b$")]),
        (r"ARGS:/^json\.a|b$/", [("ARGS", r"/^json\.a|b$/", r"^json\.a|b$")]),
        ("ARGS:/a|ARGS:b/", [("ARGS", "/a", None), ("ARGS", "b/", None)]),
        ("XML:/*|XML://@*", [("XML", "/*", None), ("XML", "//@*", None)]),
        ("XML:/a/b/", [("XML", "/a/b/", None)]),
        ("ARGS:'x'", [("ARGS", "'x'", None)]),
        ("TX:a.b:c", [("TX", "a.b:c", None)]),
    ],
)
def test_variables(text: str, expected: list[tuple[str, str | None, str | None]]):
    assert [(v.collection, v.selector, v.pattern) for v in variables(text)] == expected


def test_negated_and_counted_variables():
    text = "ARGS|!ARGS:'/x/'|&TX:a"

    found = variables(text)

    assert [(v.negated, v.counted) for v in found] == [
        (False, False),
        (True, False),
        (False, True),
    ]
    assert "|".join(map(str, found)) == text


@for_each(
    ("text", "negated", "name", "argument", "implicit"),
    [
        ("@rx ^a$", False, "rx", "^a$", False),
        ("!@rx a", True, "rx", "a", False),
        ("! @streq a b", True, "streq", "a b", False),
        ("^a$", False, "rx", "^a$", True),
        ("!^a$", True, "rx", "^a$", True),
        ("@detectSQLi", False, "detectSQLi", "", False),
        ("@rx  a", False, "rx", " a", False),
        ("a@b", False, "rx", "a@b", True),
        ("", False, "rx", "", True),
    ],
)
def test_operators(text: str, negated: bool, name: str, argument: str, implicit: bool):
    operator = rule(f'SecRule ARGS "{text}" "id:1"').operator

    assert operator
    assert (operator.negated, operator.name, operator.argument, operator.implicit) == (
        negated,
        name,
        argument,
        implicit,
    )


@for_each(
    ("text", "expected"),
    [
        ("id:1,deny", [("id", "1"), ("deny", None)]),
        ("msg:'a, b',log", [("msg", "a, b"), ("log", None)]),
        (r"msg:'it\'s',log", [("msg", r"it\'s"), ("log", None)]),
        ("ctl:ruleRemoveTargetById=942100;ARGS:x", [
            ("ctl", "ruleRemoveTargetById=942100;ARGS:x"),
        ]),
        ("setvar:'tx.a=%{tx.b}'", [("setvar", "tx.a=%{tx.b}")]),
        ("setvar:tx.a='b'", [("setvar", "tx.a='b'")]),
        ("initcol:ip='%{REMOTE_ADDR},x',log", [
            ("initcol", "ip='%{REMOTE_ADDR},x'"), ("log", None),
        ]),
        ("id:1,\\\n    phase:2\\\n    ,log\\\n", [("id", "1"), ("phase", "2"), ("log", None)]),
        ("msg:", [("msg", "")]),
    ],
)  # fmt: skip
def test_actions(text: str, expected: list[tuple[str, str | None]]):
    actions = rule(f'SecAction "{text}"').actions

    assert [(action.name, action.value) for action in actions] == expected


def test_questions_to_a_rule():
    found = rule("SecRule ARGS x \"ID:'7',Phase:2,tag:a,tag:b,chain\"")

    assert found.id == 7
    assert found.value("tag") == "a"
    assert found.value("msg") is None
    assert found.has("chain")
    assert not found.has("deny")


def test_chains():
    document = read(
        'SecRule A x "id:1,chain"\nSecRule B y "chain"\n SecRule C z\nSecMarker M\n'
        'SecAction "id:2"\nSecRule D x "id:3,chain"\n',
        "own.conf",
    )

    assert [[directive.place.line for directive in chain] for chain in document.chains] == [
        [1, 2, 3],
        [5],
        [6],
    ]
    assert [problem.code for problem in document.problems] == ["seclang.dangling-chain"]


def test_a_directive_without_parts_has_no_rule():
    assert read("SecRuleEngine On").directives[0].rule is None


def test_updates_are_read_as_rules():
    update = rule('SecRuleUpdateTargetById 942100 "!ARGS:/x/|ARGS:y"')

    assert [str(variable) for variable in update.variables] == ["!ARGS:/x/", "ARGS:y"]


def test_one_variable_list_changes_and_nothing_else():
    text = '# why\r\nSecRule ARGS|TX:a \\\r\n    "@rx x" \\\r\n    "id:1"\r\n'
    document = read(text)
    variables = document.directives[0].arguments[0]

    assert document.replaced({variables.span: "ARGS"}) == text.replace("ARGS|TX:a", "ARGS")


def test_overlapping_edits_are_refused():
    document = read("SecMarker A")
    span = document.directives[0].arguments[0].span

    with pytest.raises(ValueError, match="overlaps"):
        document.replaced([(span, "B"), (span._replace(start=0), "C")])
