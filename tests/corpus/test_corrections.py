"""Corrections: what each lets through, and what it still refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from corpus.judge import names
from waf_builder.config.corrections import CRS_3, CRS_4
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


def test_every_correction_has_its_sides():
    assert set(SIDES) == set(Corrections.model_fields)


@pytest.mark.parametrize("sides", SIDES.values(), ids=SIDES)
def test_lets_through_what_is_ordinary(judged: Judged, sides: Sides):
    if judged.major not in sides.majors:
        pytest.skip(f"nothing to heal in {judged.version}")
    for name in sides.heals:
        assert find(judged.uncorrected, name).blocked
        assert not find(judged.ours, name).blocked


@pytest.mark.parametrize("sides", SIDES.values(), ids=SIDES)
def test_still_refuses_attacks_by_the_same_rules(judged: Judged, sides: Sides):
    attack = find(judged.ours, sides.attack)
    assert attack.blocked
    if judged.major not in sides.majors and sides.majors:
        pytest.skip(f"the rules are left as they are in {judged.version}")
    assert sides.rules & set(attack.rules)


def test_no_attack_gets_through_because_of_them(judged: Judged):
    before = names(judged.uncorrected.attacks, blocked=True)
    assert before - names(judged.ours.attacks, blocked=True) == set()
