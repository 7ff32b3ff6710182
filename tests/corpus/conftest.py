"""What each engine does with the corpus, judged once and shared."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from corpus.judge import Judgement, booted, judge, judge_corpus, names
from corpus.requests import attacks
from waf_builder.config.model.target import CRS_4
from waf_builder.engine.find import find
from waf_builder.spec.model import Corrections

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

CRS_4_FOLDER = os.environ.get("WAF_BUILDER_TEST_CRS_4", "")
_NONE = ", ".join(f"{name}: false" for name in Corrections.model_fields)
NO_CORRECTIONS = f"waf: {{corrections: {{{_NONE}}}}}\n"


@dataclass(frozen=True)
class Judged:
    """An engine's verdicts: with the default policy, without corrections, and the plain rules'.

    plain: the names of the attacks that the rule set's own defaults stop. chosen: whether somebody
    named this rule set; an engine's moves on with its distribution.
    """

    version: str
    major: int
    chosen: bool
    ours: Judgement
    uncorrected: Judgement
    plain: frozenset[str]


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("old", marks=pytest.mark.xdist_group("corpus-old")),
        pytest.param("new", marks=pytest.mark.xdist_group("corpus-new")),
        pytest.param(
            "new-crs-4",
            marks=[
                pytest.mark.xdist_group("corpus-4"),
                pytest.mark.skipif(
                    not CRS_4_FOLDER,
                    reason="no CRS 4 is in Debian: WAF_BUILDER_TEST_CRS_4=DIR has one",
                ),
            ],
        ),
    ],
)
def judged(request: pytest.FixtureRequest) -> Judged:
    """The verdicts of each engine in turn."""
    name = request.param.removesuffix("-crs-4")
    engine: Engine = request.getfixturevalue(f"engine_{name}")
    if name != request.param:
        engine = find(str(engine.root), CRS_4_FOLDER)
    assert engine.crs
    with booted(engine) as waf:
        ours = judge_corpus(waf)
    with booted(engine, NO_CORRECTIONS) as waf:
        uncorrected = judge_corpus(waf)
    with booted(engine, plain=True) as waf:
        plain = names(judge(waf, attacks()), blocked=True)
    version = engine.crs.version
    major = min(CRS_4, version.major)
    return Judged(str(version), major, name != request.param, ours, uncorrected, plain)
