"""Corrections: what each lets through, and what it still refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from corpus.judge import names
from waf_builder.config.model.target import CRS_3, CRS_4
from waf_builder.spec.model import Corrections

if TYPE_CHECKING:
    from corpus.conftest import Judged
    from corpus.judge import Judgement, Verdict

pytestmark = pytest.mark.nginx


class Sides(NamedTuple):
    """Both sides of a correction.

    majors: the rule sets in which it changes something for these requests. heals: ordinary
    requests. attack, rules: what must still be found, by any of the rules.
    """

    majors: tuple[int, ...]
    heals: tuple[str, ...]
    attack: str
    rules: frozenset[int]


BOTH, FOUR, THREE = (CRS_3, CRS_4), (CRS_4,), (CRS_3,)
SIDES = {
    "apostrophe_in_file_names": Sides(
        BOTH,
        ("uploads/upload-screenshot", "uploads/upload-quotes", "uploads/upload-ampersand"),
        "commands/rce-file-name",
        frozenset({920120}),
    ),
    "dollar_words": Sides(
        FOUR,
        ("api/api-odata", "api/api-odata-quoted"),
        "languages/nosql-query",
        frozenset({942290}),
    ),
    "commands_in_prose": Sides(
        BOTH,
        ("graphql/graphql-query",),
        "commands/rce-dollar",
        frozenset({932100, 932235}),
    ),
    "powershell_in_prose": Sides(
        FOUR,
        ("forms/contact-powershell-words",),
        "commands/rce-powershell-iex",
        frozenset({932120}),
    ),
    "functions_in_prose": Sides(
        FOUR, ("search/search-alert",), "xss/xss-script", frozenset({941390})
    ),
    "harmless_urls": Sides(
        BOTH,
        ("api/api-base64-image", "beacons/beacon-segment"),
        "xss/xss-javascript-url",
        frozenset({941170, 941210}),
    ),
    "csp_reports": Sides(
        BOTH, ("beacons/beacon-csp",), "xss/xss-csp-report", frozenset({941100, 941110})
    ),
    "http_in_prose": Sides(
        BOTH, ("api/api-bulk-ndjson",), "protocol/smuggling-in-body", frozenset({921110})
    ),
    "sql_without_words": Sides(
        BOTH,
        ("api/api-permissions", "forms/password-of-a-manager", "search/search-doi"),
        "sql/sqli-login-or",
        frozenset({942100}),
    ),
    "sql_verbs_in_prose": Sides(
        BOTH, ("webhooks/hook-github-push",), "sql/sqli-pg-sleep", frozenset({942350})
    ),
    "csv_quotes": Sides(FOUR, ("posts/spreadsheet-csv",), "xss/xss-ndjson", frozenset({941100})),
    # Rule 932180 knows words such as "version" since 4.26 only.
    "documents_by_ending": Sides((), (), "files/upload-htaccess", frozenset({932180})),
}


def find(judgement: Judgement, name: str) -> Verdict:
    (found,) = (one for one in (*judgement.ordinary, *judgement.attacks) if one.name == name)
    return found


def heals(major: int) -> list[str]:
    """Return the corrections that change something in a major version of the rule set."""
    return [name for name, sides in SIDES.items() if major in sides.majors]


def test_every_correction_has_its_sides():
    assert set(SIDES) == set(Corrections.model_fields)
    assert all(heals(major) for major in BOTH)


def test_lets_through_what_is_ordinary(judged: Judged):
    wrong = []
    for name in heals(judged.major):
        for request in SIDES[name].heals:
            if not find(judged.uncorrected, request).blocked:
                wrong.append(f"{name}: {request} passes without it")
            if find(judged.ours, request).blocked:
                wrong.append(f"{name}: {request} is still refused")
    assert wrong == []


def test_still_refuses_attacks_by_the_same_rules(judged: Judged):
    wrong = []
    for name, sides in SIDES.items():
        attack = find(judged.ours, sides.attack)
        # Where the rules are left as they are, others of the rule set may find it.
        left = sides.majors and judged.major not in sides.majors
        if not attack.blocked or not (left or sides.rules & set(attack.rules)):
            wrong.append(f"{name}: {attack}")
    assert wrong == []


def test_no_attack_gets_through_because_of_them(judged: Judged):
    before = names(judged.uncorrected.attacks, blocked=True)
    assert before - names(judged.ours.attacks, blocked=True) == set()
