"""The tests that examples ship pass, asked of either judge, and fail when a rule is missing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from waf_builder import cli

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

pytest.importorskip("libmodsecurity", reason="there is no wheel for this system")
pytestmark = pytest.mark.nginx

EXAMPLES = sorted(
    path for path in (Path(__file__).parents[2] / "examples").iterdir() if path.is_dir()
)


def run(spec: Path, *options: str):
    return CliRunner().invoke(cli.main, ["test", str(spec), *options], catch_exceptions=False)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_in_process(example: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("WAF_BUILDER_ENGINE", str(engine.root))
    said = run(example / "backend.yaml", "--engine", "library")
    assert (said.exit_code, said.stdout.split()[1:]) == (0, ["passed"]), said.output


@pytest.mark.parametrize("name", ["custom-rules", "several-backends"])
def test_by_nginx(name: str, engine_old: Engine):
    (example,) = (path for path in EXAMPLES if path.name == name)
    said = run(example / "backend.yaml", "--engine", str(engine_old.root))
    assert (said.exit_code, said.stdout.split()[1:]) == (0, ["passed"]), said.output


def test_without_its_rules_an_example_fails(
    engine_old: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (example,) = (path for path in EXAMPLES if path.name == "custom-rules")
    folder = tmp_path / "custom-rules"
    shutil.copytree(example, folder)
    shutil.rmtree(folder / "waf")
    monkeypatch.setenv("WAF_BUILDER_ENGINE", str(engine_old.root))
    said = run(folder / "backend.yaml")
    assert said.exit_code == 3
    failed = [line for line in said.stdout.splitlines() if line.startswith(str(folder))]
    unfound = "status 200, wanted 403; no match of 10020 (matched: none; status 200)"
    posts, scanners = (f"{folder}/tests/waf/{name}.yaml" for name in ("posts", "scanners"))
    assert failed == [
        f"{posts}:3: an author writes about SQL: it should pass; a match of 942100",
        f"{scanners}:4: 10020-1: {unfound}",
        f"{scanners}:13: 10020-2: {unfound}",
    ]
    assert "exclusions:" in said.stdout
    assert said.stdout.endswith("\n4 passed, 3 failed\n")
