"""The corpus itself, and what the default policy does with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpus.judge import Judgement, booted, judge, judge_corpus, names
from corpus.requests import Request, attacks, ordinary, specialist
from waf_builder.engine.find import find

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

EXPECTED = Path(__file__).parent / "expected"
CRS_4 = os.environ.get("WAF_BUILDER_TEST_CRS_4", "")
_REFUSED_FOR_ITS_TYPE = {"languages/xxe-svg"}
"""The plain rule set takes no body of type image/svg+xml, and ours reads it."""
_NO_CRS_4 = "no CRS 4 is in Debian: WAF_BUILDER_TEST_CRS_4=DIR has one"


def every_request() -> list[Request]:
    return [*ordinary(), *specialist(), *attacks()]


class TestTheCorpus:
    def test_is_as_large_as_promised(self):
        assert len(ordinary()) >= 400
        assert len(attacks()) >= 200

    def test_gives_every_request_a_name_and_a_reason_of_its_own(self):
        requests = every_request()
        assert len({one.name for one in requests}) == len(requests)
        assert all(one.why for one in requests)

    def test_repeats_no_request(self):
        requests = every_request()
        assert len({one.data for one in requests}) == len(requests)

    def test_is_written_as_browsers_write(self):
        (found,) = (one for one in ordinary() if one.name == "laravel-form")
        assert found.line == "POST /posts/12"
        assert found.data.endswith(
            b"\r\n\r\n_token=zK3bq0vQxH1m&_method=PUT&title=Qu%27est-ce+qu%27un+pare-feu+%3F"
            b"&body=C%27est+un+mur%E2%80%A6+ou+presque."
        )
        assert b"\r\nOrigin: https://www.example.com\r\n" in found.data

    def test_names_files_as_browsers_do(self):
        (found,) = (one for one in ordinary() if one.name == "upload-quotes")
        assert b'filename="Compte rendu %22urgent%22.pdf"' in found.data


@dataclass(frozen=True)
class Judged:
    """An engine's verdicts: with the default policy, and with the rule set's own defaults."""

    version: str
    ours: Judgement
    plain: frozenset[str]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("old", marks=pytest.mark.xdist_group("corpus-old")),
        pytest.param("new", marks=pytest.mark.xdist_group("corpus-new")),
        pytest.param(
            "new-crs-4",
            marks=[
                pytest.mark.xdist_group("corpus-new"),
                pytest.mark.skipif(not CRS_4, reason=_NO_CRS_4),
            ],
        ),
    ],
)
def judged(request: pytest.FixtureRequest) -> Judged:
    """The verdicts of each engine in turn."""
    name = request.param.removesuffix("-crs-4")
    engine: Engine = request.getfixturevalue(f"engine_{name}")
    if name != request.param:
        engine = find(str(engine.root), CRS_4)
    assert engine.crs
    with booted(engine) as waf:
        ours = judge_corpus(waf)
    with booted(engine, plain=True) as waf:
        plain = names(judge(waf, attacks()), blocked=True)
    return Judged(str(engine.crs.version), ours, plain)


@pytest.mark.nginx
class TestTheDefaultPolicy:
    def test_does_what_is_written_down(self, judged: Judged, update_golden: bool):
        expected = EXPECTED / f"crs-{judged.version}.txt"
        if update_golden:
            expected.write_text(judged.ours.text, encoding="utf-8")
        if not expected.exists():
            pytest.skip(f"nothing is written down for CRS {judged.version}: --update-golden does")
        assert judged.ours.text == expected.read_text(encoding="utf-8")

    def test_stops_every_attack_that_the_plain_rule_set_stops(self, judged: Judged):
        passed = names(judged.ours.attacks, blocked=False)
        assert judged.plain & passed == _REFUSED_FOR_ITS_TYPE
