from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from crs.compile.rulesets import rule, screened

from waf_builder.crs.compile.refusal import Refusal
from waf_builder.seclang import read
from waf_builder.seclang.pcre import regex_error

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

TAG = "tag:'OWASP_CRS'"
RULES = f"""
SecRule ARGS|REQUEST_COOKIES "@rx a<b" "id:10,phase:2,block,t:none,{TAG}"
# about the next one
SecRule ARGS|REQUEST_HEADERS:Referer "@rx <c|d" "id:11,phase:2,block,t:none,{TAG}"

SecRule ARGS "@rx x" "id:12,phase:1,block,t:none,{TAG}"
SecRule REQUEST_FILENAME "@pmFromFile words.data" "id:13,phase:2,block,t:none,t:cmdLine,{TAG}"

"""
WORDS = "# about\n/etc/group\npasswd\n"


def looks(text: str) -> list[str]:
    """Return what the rules of a file look at and for."""
    rules = [directive.rule for directive in read(text).directives if directive.rule]
    return [
        f"{'|'.join(map(str, each.variables))} {each.operator}" for each in rules if each.operator
    ]


def test_rules_are_led_over_on_the_lines_around_them():
    text, _ = screened("\n" + RULES, words=WORDS)
    lines = text.splitlines()
    assert lines[:2] == [
        'SecRule &TX:waf_clean "@eq 0" "id:90799,phase:2,pass,t:none,nolog,skip:1"',
        'SecAction "id:90798,phase:2,pass,t:none,nolog,skipAfter:END-WAF-SCREENED-0"',
    ]
    assert lines[8] == 'SecMarker "END-WAF-SCREENED-0"'
    kept = [line for line in RULES.splitlines() if line.startswith("SecRule")]
    assert [lines[number] for number in (2, 4, 6, 7)] == kept


@pytest.mark.parametrize("above", ["", 'SecMarker "A"\n'])
def test_one_line_is_enough(above: str):
    text, _ = screened(above + RULES, words=WORDS)
    assert text.splitlines()[bool(above)] == (
        'SecRule TX:waf_clean "@eq 1"'
        ' "id:90799,phase:2,pass,t:none,nolog,skipAfter:END-WAF-SCREENED-0"'
    )


def test_screens_see_all_that_the_rules_do():
    _, text = screened(RULES, words=WORDS)
    assert looks(text) == [
        "&TX:MSC_PCRE_LIMITS_EXCEEDED @gt 0",
        "REQUEST_HEADERS:Referer @rx (?:<c|d)",
        "REQUEST_FILENAME @rx (?i:/etc/group|passwd)",
        "ARGS|REQUEST_COOKIES @rx [^A-Za-z0-9 ,._-]",
        "ARGS @rx (?:<c|d)",
        "ARGS|REQUEST_COOKIES @rx (?:a<b)|(?:<c|d)",
        "&TX:MSC_PCRE_LIMITS_EXCEEDED @eq 0",
    ]


def test_what_is_asked_of_plain_and_of_other_texts_alike_is_asked_once():
    looked = looks(screened(one("ARGS", "@rx a", TAG) + one("FILES", "@rx <", TAG))[1])
    assert looked == [
        "&TX:MSC_PCRE_LIMITS_EXCEEDED @gt 0",
        "ARGS @rx (?:a)",
        "FILES @rx [^A-Za-z0-9 ,._-]",
        "FILES @rx (?:<)",
        "&TX:MSC_PCRE_LIMITS_EXCEEDED @eq 0",
    ]


def test_nor_is_hardly_less_asked_of_plain_texts():
    """What plain texts cannot hold is left out of what they are asked, where that is something."""
    long = [f"@pm {' '.join(words)}" for words in (("long", "words", "<"), ("a", "<longer", "<b"))]
    rules = [one("FILES", each, TAG, "t:cmdLine") for each in long]
    assert looks(screened(rules[0])[1])[1] == "FILES @rx (?i:<|long|words)"
    assert looks(screened(rules[1])[1])[2:4] == [
        "FILES @rx (?i:a)",
        "FILES @rx (?i:<(?:b|longer)|a)",
    ]


def test_what_is_asked_of_several_variables_alike_is_asked_once():
    rules = one("REQUEST_HEADERS:A|FILES", "@rx a", TAG)
    assert looks(screened(rules)[1])[1] == "REQUEST_HEADERS:A|FILES @rx (?:a)"
    rules += one("REQUEST_HEADERS:B|ARGS", "@rx b", TAG).replace("10", "11")
    assert looks(screened(rules)[1])[1:-1] == [
        "REQUEST_HEADERS:A|FILES @rx (?:a)",
        "REQUEST_HEADERS:B|ARGS @rx (?:b)",
    ]


def one(variables: str, operator: str, *actions: str) -> str:
    listed = ",".join(["id:10", "phase:2", "block", "t:none", *actions])
    return f'\nSecRule {variables} "{operator}" "{listed}"\n\n'


def seeing(number: int, *actions: str) -> str:
    """Return a chain that looks at all that has matched; not to be screened with some actions."""
    tags = actions or (TAG,)
    first = one("ARGS", "@rx x", *tags, "chain").replace("id:10", f"id:{number}").rstrip("\n")
    return f'{first}\n    SecRule MATCHED_VARS "!@rx y" "t:none"\n\n'


SEEN = one("ARGS", "@rx x", TAG)
OTHER = rule(1, variables="TX:'/^score/'")


@pytest.mark.parametrize(
    ("why", "text", "around"),
    [
        ("the engine logs it", one("ARGS", "@rx x", TAG, "multiMatch"), {}),
        ("exclusions by the tag spare it", one("ARGS", "@rx x"), {}),
        ("any text has what it looks for", one("ARGS", "@rx .", TAG), {}),
        ("its expression changes", one("ARGS", "@rx %{tx.a}", TAG), {}),
        ("it counts", one("&ARGS", "@rx 1", TAG), {}),
        ("what it looks at changes", one("ARGS|TX:a", "@rx x", TAG), {}),
        ("it looks at a pattern", one("ARGS:/^x/", "@rx x", TAG), {}),
        ("it is about the protocol", one("REQUEST_METHOD", "@rx ^GET$", TAG), {}),
        ("its operator is another one", one("ARGS", "@validateByteRange 1-255", TAG), {}),
        ("there is no room for the jump", one("ARGS", "@rx x", TAG).strip(), {}),
        ("a screen may be switched off", one("ARGS", "@rx x", TAG), {
            "before": rule(1, "ctl:ruleRemoveById=90000-91000"),
        }),
        ("a rule looks for errors of PCRE", one("ARGS", "@rx x", TAG), {
            "after": rule(1, variables="MSC_PCRE_ERROR"),
        }),
        ("a rule gets another target", one("ARGS", "@rx x", TAG), {
            "after": 'SecRuleUpdateTargetById 10 "REQUEST_URI"\n',
        }),
        ("a route may jump over it", (
            'SecRule ARGS:a "@eq 1" "id:9,phase:2,pass,nolog,skipAfter:END"\n'
            + one("ARGS", "@rx x", TAG) + "SecMarker END\n"
        ), {}),
        ("a rule looks at all variables", one("ARGS", "@rx x", TAG), {
            "after": rule(1, variables="TX"),
        }),
        ("a rule looks at what the screens set", one("ARGS", "@rx x", TAG), {
            "after": rule(1, variables="TX:'/^waf_[cn]/'"),
        }),
        ("a rule looks at something like it", one("ARGS", "@rx x", TAG), {
            "after": rule(1, variables="TX:'/(?|a|b)/'"),
        }),
        ("it sees what matched before", seeing(10), {}),
        ("the next one would see that this is led over", (
            SEEN + seeing(11, "nolog,status:403")
        ), {}),
        ("a skip counts it", rule(9, "skip:1") + one("ARGS", "@rx x", TAG), {}),
    ],
)  # fmt: skip
def test_a_rule_is_not_screened_where(why: str, text: str, around: dict[str, str]):
    assert screened(text, **around) == (screened(text)[0] if not around else text, "")


def test_such_a_rule_is_screened_otherwise():
    assert "waf_clean" in screened(one("ARGS", "@rx x", TAG))[0]
    assert "waf_clean" in screened(one("ARGS", "@rx x", TAG), after=OTHER)[0]
    assert "waf_clean" in screened("\n" + SEEN + seeing(11, "nolog,status:403"))[0]


def test_a_jump_that_no_request_takes_skips_nothing():
    text = (
        'SecRule TX:a "@eq 1" "id:9,phase:2,pass,nolog,skipAfter:END"\n'
        + one("ARGS", "@rx x", TAG)
        + "SecMarker END\n"
    )
    before = 'SecAction "id:1,phase:1,pass,nolog,setvar:tx.a=2"\n'
    assert "waf_clean" in screened(text, before=before)[0]


def test_what_leads_over_one_that_sees_what_matched_is_not_seen():
    text, _ = screened("\n\n" + SEEN.replace("id:10", "id:11") + seeing(12))
    assert text.splitlines()[:3] == [
        'SecRule &TX:waf_clean "@eq 0" "id:90799,phase:2,pass,t:none,nolog,skip:1"',
        'SecAction "id:90798,phase:2,pass,t:none,nolog,skipAfter:END-WAF-SCREENED-0"',
        'SecRule &TX:waf_clean "@gt 1" "id:90797,phase:2,pass,t:none,nolog"',
    ]
    text, _ = screened("\n" + SEEN.replace("id:10", "id:11") + seeing(12))
    assert text.splitlines()[1].startswith('SecRule TX:waf_clean "@eq 1"')


def test_more_rules_than_numbers_are_refused():
    many = "SecMarker A\n".join(
        SEEN.replace("id:10", f"id:{number}") + rule(number + 1) for number in range(100, 240, 2)
    )
    with pytest.raises(Refusal, match="so many rules"):
        screened(many)


def test_a_rule_that_sees_what_matched_before_is_not_the_first_one_that_is_led_over():
    text, _ = screened(SEEN.replace("id:10", "id:11") + seeing(12) + seeing(13))
    lines = [line for line in text.splitlines() if "WAF-SCREENED" in line or "id:1" in line]
    assert [line[:12] for line in lines] == ["SecRule TX:w", *["SecRule ARGS"] * 3, 'SecMarker "E']
    text, _ = screened(seeing(12) + SEEN)
    assert text.index("id:12") < text.index("waf_clean") < text.index("id:10")


@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?<n>a)", "(?x)a b", "(*FAIL)", r"\Qa", "(?:ab){2,3}", "(?R)", r"\Ka"]
)
def test_an_expression_that_could_mean_another_thing_stays_alone(pattern: str):
    both = one("ARGS", f"@rx {pattern}", TAG) + one("ARGS", "@rx <", TAG).replace("10", "11")
    assert f"ARGS @rx {pattern}" in looks(screened(both)[1])


def corrected(action: str) -> str:
    begin = 'SecAction "id:90399,phase:2,pass,nolog"\n'
    return begin + f'SecRule ARGS "@rx x" "id:1,phase:2,pass,nolog,{action}"\n'


def test_corrections_are_left_out_only_where_all_of_their_rules_are_screened():
    for number, idle in ((10, True), (12, False), (99, True)):
        correction = corrected(f"ctl:ruleRemoveById={number}")
        text = screened(RULES, words=WORDS, corrections=correction)[1]
        assert ("tx.waf_no_corrections=1" in text) is idle


@pytest.mark.parametrize("action", ["deny", "log", "setvar:tx.score=1", "ctl:ruleRemoveByTag=a"])
def test_nor_where_one_of_them_does_something_else(action: str):
    text = screened(RULES, words=WORDS, corrections=corrected(action))[1]
    assert "waf_no_corrections" not in text


@pytest.mark.parametrize("level", [1, 4])
@pytest.mark.parametrize("crs", [None, os.environ.get("WAF_BUILDER_TEST_CRS_4")])
def test_pcre_takes_the_joined_expressions_of_a_whole_rule_set(
    engine_new: Engine, tmp_path: Path, level: int, crs: str | None
):
    from waf_builder.pipeline import Choice, render_spec

    spec = tmp_path / "backend.yaml"
    spec.write_text(f"backend: {{host: 127.0.0.1, port: 3000}}\nwaf: {{paranoia_level: {level}}}\n")
    tree = render_spec(spec, Choice(engine=str(engine_new.root), crs=crs)).tree
    found = [look.partition(" @rx ")[2] for look in looks(tree["modsecurity/screens.conf"])]
    joined = [pattern for pattern in found if ")|(?" in pattern]
    assert len(joined) > 5
    assert [regex_error(pattern.replace('\\"', '"')) for pattern in joined] == [""] * len(joined)
