from __future__ import annotations

import pytest
from crs.compile.rulesets import compiled, rule

SETS = "setvar:'tx.score=+%{tx.critical}'"
KNOWN = 'SecAction "id:1,phase:1,pass,nolog,setvar:tx.critical=5"\n'
DEFAULT = 'SecRule &TX:critical "@eq 0" "id:2,phase:1,pass,nolog,setvar:tx.critical=5"\n'


def left(text: str, **around: str) -> str:
    return compiled(text, names=["scores"], **{"before": KNOWN, **around})[0]  # type: ignore[arg-type]


def test_a_score_that_is_always_the_same_is_written_as_its_number():
    text, steps = compiled(rule(10, SETS), before=KNOWN, names=["scores"])
    assert text == rule(10, "setvar:'tx.score=+5'")
    assert [(step.number, step.why) for step in steps] == [(10, "its scores are always the same")]


@pytest.mark.parametrize("text", ["%{TX.Critical}", "1%{tx.critical}", "=%{tx.critical}"])
def test_so_it_is_however_it_is_named(text: str):
    assert left(rule(10, f"setvar:tx.score={text}")) == rule(
        10, f"setvar:tx.score={text.partition('%')[0]}5"
    )


def test_so_it_is_in_each_rule_of_a_chain():
    chain = rule(10, SETS, "chain") + f'SecRule ARGS "@rx y" "{SETS},{SETS}"\n'
    assert left(chain) == chain.replace("%{tx.critical}", "5")


def test_so_is_a_default():
    assert left(DEFAULT + rule(10, SETS), before="").endswith(rule(10, "setvar:'tx.score=+5'"))


@pytest.mark.parametrize(
    ("why", "around"),
    [
        ("nothing sets it", {"before": ""}),
        ("a route sets it", {"route": 'SecAction "id:9,phase:1,pass,setvar:tx.critical=4"\n'}),
        ("the user sets it", {"after": rule(9, "setvar:tx.critical=4")}),
        ("the user removes it", {"after": rule(9, "setvar:!tx.critical")}),
        ("a rule sets any variable", {"after": rule(9, "setvar:'tx.%{ARGS.x}=1'")}),
        ("it is set too late", {"before": KNOWN.replace("phase:1", "phase:3")}),
        ("it is set in some requests", {"before": rule(9, "setvar:tx.critical=5", phase=1)}),
        ("its rule may be switched off", {
            "before": rule(9, "ctl:ruleRemoveById=1", phase=1) + KNOWN,
        }),
        ("it is no number", {"before": KNOWN.replace("=5", "=five")}),
    ],
)  # fmt: skip
def test_others_stay(why: str, around: dict[str, str]):
    assert left(rule(10, SETS), **around) == rule(10, SETS)


@pytest.mark.parametrize(
    "action",
    ["msg:'%{tx.critical}'", "logdata:'%{tx.critical}'", "setvar:'tx.%{tx.critical}=1'",
     "setvar:'tx.a=%{ARGS.critical}'", "setvar:!tx.critical"],
)  # fmt: skip
def test_what_a_record_shows_and_what_a_variable_is_called_stay(action: str):
    assert left(rule(10, action)) == rule(10, action)
