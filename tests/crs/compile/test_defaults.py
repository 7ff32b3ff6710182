from __future__ import annotations

import pytest
from crs.compile.rulesets import compiled, rule, steps_of

DEFAULT = 'SecRule &TX:a "@eq 0" "id:10,phase:1,pass,nolog,setvar:tx.a=5"\n'


def test_a_default_that_nothing_else_sets_needs_no_question():
    text, steps = compiled(DEFAULT + rule(20))
    assert text == 'SecAction   "id:10,phase:1,pass,nolog,setvar:tx.a=5"\n' + rule(20)
    assert steps_of(steps) == {10: "defaults"}


def test_nor_does_a_condition_that_is_always_true():
    level = 'SecRule TX:LEVEL "@ge 1" "id:10,phase:1,pass,nolog,setvar:tx.b=%{tx.other}"\n'
    assert compiled(level)[0].startswith("SecAction")


@pytest.mark.parametrize(
    ("why", "text", "around"),
    [
        ("a route sets it", DEFAULT, {"route": rule(1, "setvar:tx.a=1")}),
        ("the user sets it", DEFAULT, {"after": rule(1, "setvar:tx.a=1")}),
        ("a rule sets any variable", DEFAULT, {"after": rule(1, "setvar:'tx.%{ARGS.x}=1'")}),
        ("the engine sets it", DEFAULT.replace("TX:a", "TX:1"), {}),
        ("its match is logged", DEFAULT.replace("nolog", "log"), {}),
        ("it names its match", DEFAULT.replace("=5", "=%{MATCHED_VAR}"), {}),
        ("it refuses", DEFAULT.replace("pass", "deny"), {}),
        ("it asks for something else", DEFAULT.replace("@eq 0", "@eq 1"), {}),
        ("a chain follows", DEFAULT.replace("nolog", "nolog,chain") + rule(11), {}),
        ("a user removes it while running", DEFAULT, {"after": rule(1, "ctl:ruleRemoveById=10")}),
        ("a user blinds it", DEFAULT, {"after": 'SecRuleUpdateTargetById 10 "!TX:a"'}),
    ],
)
def test_others_are_asked(why: str, text: str, around: dict[str, str]):
    assert "SecAction" not in compiled(text, **around)[0]  # type: ignore[arg-type]
