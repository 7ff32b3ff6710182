"""The library as users meet it: the default, its choice by name, and the ways out without it."""

from __future__ import annotations

import builtins
import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from waf_builder import cli
from waf_builder.inspect.library import Library, LibraryError

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

pytest.importorskip("libmodsecurity", reason="there is no wheel for this system")
ATTACK = "/search?q=1%20UNION%20SELECT%20password%20FROM%20users"
SPEC = "backend: {host: site.internal, port: 3000}\n"


def ask(folder: Path, *options: str, spec: str = SPEC):
    (folder / "backend.yaml").write_text(spec, encoding="utf-8")
    command = ["inspect", str(folder / "backend.yaml"), ATTACK, *options]
    return CliRunner().invoke(cli.main, command, catch_exceptions=False)


def own_rule(folder: Path, operator: str) -> Path:
    file = folder / "waf/rules/after-crs/own.conf"
    file.parent.mkdir(parents=True)
    file.write_text(f'SecRule ARGS "{operator}" "id:1000001,phase:2,deny"\n', encoding="utf-8")
    return file


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fake(name: str, *arguments, **more):
        if name == "libmodsecurity":
            raise ImportError("No module named 'libmodsecurity'")
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", fake)


@pytest.mark.nginx
class TestWithAnEngine:
    @pytest.fixture(autouse=True)
    def _engine(self, engine_old: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WAF_BUILDER_ENGINE", str(engine_old.root))

    @pytest.mark.parametrize("options", [(), ("--engine", "library"), ("--engine", "nginx")])
    def test_every_judge_says_the_same(self, tmp_path: Path, options: tuple[str, ...]):
        run = ask(tmp_path, "--format", "json", *options)
        assert run.exit_code == 3
        said = json.loads(run.stdout)
        assert (said["verdict"], said["score"]) == ("block", 20)
        assert [match["rule"] for match in said["matches"]] == [942100, 942190, 942270, 942360]

    @pytest.mark.usefixtures("without_library")
    def test_nginx_is_asked_where_there_is_no_library(self, tmp_path: Path):
        run = ask(tmp_path)
        assert run.exit_code == 3
        assert (
            "libmodsecurity is not installed here: No module named 'libmodsecurity';"
            " asking nginx instead" in run.stderr
        )

    def test_nginx_is_asked_where_the_library_cannot_load_the_rules(self, tmp_path: Path):
        run = ask(tmp_path, spec=f"{SPEC}waf: {{compile: false}}\n")
        assert run.exit_code == 3
        assert "cannot load these rules: engine/crs/rules/REQUEST-910-IP-REP" in run.stderr
        assert "MaxMind support; asking nginx instead" in run.stderr

    @pytest.mark.parametrize("judge", [[], ["--engine", "nginx"]])
    def test_what_no_engine_loads_is_told_at_its_place(self, tmp_path: Path, judge: list[str]):
        file = own_rule(tmp_path, "@pmFromFile none.txt")
        run = ask(tmp_path, *judge)
        assert run.exit_code == 1
        assert f"\n{file}:1: error: Failed to open file: " in f"\n{run.stderr}"
        fallback = f"cannot load these rules: {file}:1: Failed to open file: 'none.txt'. Looking at"
        assert (fallback in run.stderr) == (not judge)

    @pytest.mark.parametrize("judge", ["library", "nginx"])
    def test_a_rule_that_never_matches_is_no_answer(self, tmp_path: Path, judge: str):
        file = own_rule(tmp_path, "@rx (a")
        run = ask(tmp_path, "--engine", judge)
        assert run.exit_code == 1
        assert f"{file}:1:19: error: the regular expression does not compile" in run.stderr

    @pytest.mark.usefixtures("without_library")
    def test_the_library_by_name_is_not_replaced(self, tmp_path: Path):
        run = ask(tmp_path, "--engine", "library")
        assert run.exit_code == 1
        assert (
            "pip install 'waf-builder[inspect]', or --engine nginx asks a real nginx" in run.stderr
        )


def test_rules_that_it_cannot_load_are_named():
    rules = {"modsecurity/main.conf": 'SecRule REMOTE_ADDR "@geoLookup" "id:1,phase:1,pass"\n'}
    with Library(rules, "") as library, pytest.raises(LibraryError) as raised:
        library.load()
    first, second = str(raised.value).splitlines()
    assert first.startswith("libmodsecurity 3.0.15")
    assert "modsecurity/main.conf" in first
    assert second == "    `--engine nginx` asks a real nginx with its own libmodsecurity."


def test_without_an_engine_rules_are_enough(
    engine_old: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    assert engine_old.crs
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("WAF_BUILDER_CACHE", str(tmp_path))
    monkeypatch.setattr("waf_builder.engine.find._system", _none)
    run = ask(tmp_path, "--crs", str(engine_old.crs.folder))
    assert run.exit_code == 3
    assert run.stderr == ""


def _none(_crs: str | None) -> Engine:
    from waf_builder.errors import EngineError

    raise EngineError("none")
