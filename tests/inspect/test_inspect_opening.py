"""What an exclusion opens, counted in a small rule set."""

from __future__ import annotations

import pytest

from waf_builder.crs.index import index_of
from waf_builder.inspect.answer import Match
from waf_builder.inspect.opening import openings
from waf_builder.inspect.proposal import Proposal, exclusion


def rule(number: int, variables: str, kind: str, level: int = 1, phase: int = 2) -> str:
    return (
        f'SecRule {variables} "@rx a" "id:{number},phase:{phase},block,msg:\'m\','
        f"tag:'attack-{kind}',tag:'paranoia-level/{level}',severity:'CRITICAL',"
        "setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'\"\n"
    )


RULES = "".join(
    [
        rule(942001, "ARGS|REQUEST_COOKIES", "sqli"),
        rule(942002, "ARGS", "sqli"),
        rule(942003, "ARGS|!ARGS:q", "sqli"),
        rule(942004, "REQUEST_COOKIES", "sqli"),
        rule(942005, "ARGS", "sqli", level=2),
        rule(941001, "ARGS", "xss"),
        rule(941002, "ARGS_NAMES", "xss"),
        rule(951001, "RESPONSE_BODY", "sqli", phase=4),
    ]
)
INDEX = index_of({"rules/a.conf": RULES.encode()})


def match(number: int) -> Match:
    return Match(number, "m", "ARGS:q", "", 2, 5, 1, ())


@pytest.mark.parametrize(
    ("target", "numbers", "level", "who", "same", "every"),
    [
        ("ARGS:q", [942001], 1, "Rule 942001", "1 of 2", "2 of 3"),
        ("ARGS:q", [942001, 941001], 2, "Rules 941001 and 942001", "2 of 4", "2 of 4"),
        ("", [942004], 1, "Rule 942004", "3 of 4", "5 of 6"),
    ],
)
def test_what_still_looks_is_counted(  # noqa: PLR0913, PLR0917  a column each
    target: str, numbers: list[int], level: int, who: str, same: str, every: str
):
    (found,) = openings(
        Proposal((), "", {target: [match(number) for number in numbers]}, "/x"), INDEX, level
    )
    where = "ARGS:q of /x" if target else "/x"
    assert str(found) == (
        f"{who} will no longer look at {where} and below. For this kind of attack {same} rules in"
        f" force still do, for any {every}."
    )


def test_a_rule_of_no_kind_is_compared_with_all():
    index = index_of({"rules/a.conf": RULES.replace("tag:'attack-sqli',", "").encode()})
    (found,) = openings(Proposal((), "", {"ARGS:q": [match(942001)]}, "/x"), index, 1)
    assert str(found) == (
        "Rule 942001 will no longer look at ARGS:q of /x and below. Of all rules in force 2 of 3"
        " still do."
    )


def test_as_json():
    (found,) = openings(Proposal((), "", {"ARGS:q": [match(942001)]}, ""), INDEX, 1)
    assert found.as_json() == {
        "target": "ARGS:q",
        "path": "",
        "rules": [942001],
        "rules_of_this_kind": {"before": 2, "after": 1},
        "rules_of_any_kind": {"before": 3, "after": 2},
    }
    assert "ARGS:q of every path." in str(found)


def test_many_rules_are_only_counted():
    matches = [match(number) for number in (1, 2, 3, 4, 5)]
    (found,) = openings(Proposal((), "", {"ARGS:q": matches}, "/x"), INDEX, 1)
    assert str(found).startswith("5 rules will no longer look at ARGS:q")


def test_every_path_of_a_route_says_so():
    (found,) = openings(exclusion({"ARGS:q": [match(942001)]}, "/", "a.test/"), INDEX, 1)
    assert str(found).startswith(
        "Rule 942001 will no longer look at ARGS:q of every path of the route a.test/. For"
    )
