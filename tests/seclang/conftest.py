"""Whole rule sets, and a real engine that loads a few rules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rules_engine import RulesEngine

from waf_builder.seclang import read_text

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

_NAMED = [name for name in os.environ.get("WAF_BUILDER_TEST_CRS", "").split(os.pathsep) if name]
_OF_ENGINES = ["engine_old", "engine_new"]


@pytest.fixture(scope="session", params=[*_NAMED, *_OF_ENGINES])
def crs_rules(request: pytest.FixtureRequest) -> dict[str, str]:
    """A Core Rule Set, file name -> text in load order: each folder of $WAF_BUILDER_TEST_CRS
    (separated as in $PATH, each holding rules/), then what came with the engines."""
    if request.param in _OF_ENGINES:
        engine: Engine = request.getfixturevalue(request.param)
        if engine.crs is None:
            missing = f"{request.param} came without a Core Rule Set"
            pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
        rules = engine.crs.rules
    else:
        rules = Path(request.param) / "rules"
    # A folder that is named must hold rules; only what nobody named may be missing.
    files = [*sorted(rules.parent.glob("crs-setup.conf*")), *sorted(rules.glob("*.conf*"))]
    assert files, f"no rules in {rules}"
    return {file.name: read_text(file) for file in files}


@pytest.fixture
def rules_engine(engine: Engine, tmp_path: Path) -> RulesEngine:
    """Each engine in turn, for tests that load rules of their own."""
    return RulesEngine(engine, tmp_path)
