"""What the lint says of the engine, asked of the engine.

Each file in semantics/ is the codes that the lint reports, the rules, and what a real nginx does:
`refused`, `loads`, or a request and its status (`dropped` when the worker died). A line may begin
with the one engine that it holds for, `old:` or `new:`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rules_engine import Request
from support.cases import for_each

from waf_builder.check.seclang import lint
from waf_builder.seclang import read_text

if TYPE_CHECKING:
    from rules_engine import RulesEngine

CASES = sorted((Path(__file__).parent / "semantics").glob("*.txt"))
_ENGINE = re.compile(r"(old|new): (.*)")


def parts(case: Path) -> tuple[list[str], str, list[str]]:
    codes, rules, expected = read_text(case).split("----------\n")
    return codes.removeprefix("lint:").split(), rules, expected.splitlines()


def for_engine(lines: list[str], name: str) -> list[str]:
    matches = [_ENGINE.fullmatch(line) for line in lines]
    return [
        match[2] if match else line
        for match, line in zip(matches, lines, strict=True)
        if match is None or match[1] == name
    ]


@for_each("case", CASES, ids=lambda case: case.stem)
def test_the_lint_reports(case: Path):
    codes, rules, _ = parts(case)

    assert [problem.code for problem in lint({"rules.conf": rules})] == [
        f"seclang.{code}" for code in codes
    ]


@pytest.mark.nginx
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_engine_does(case: Path, rules_engine: RulesEngine, request: pytest.FixtureRequest):
    _, rules, lines = parts(case)
    expected = for_engine(lines, request.node.callspec.params["engine"])
    assert expected

    if expected in (["refused"], ["loads"]):
        assert bool(rules_engine.refusal(rules)) is (expected == ["refused"])
        return
    asked, statuses = zip(*(line.split(" -> ") for line in expected), strict=True)
    seen = rules_engine.statuses(rules, [Request.parse(text) for text in asked])
    assert [str(status) for status in seen] == list(statuses)
