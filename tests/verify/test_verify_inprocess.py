"""The same comparison without nginx: libmodsecurity's wheel, where it can load the rules."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from verify.conftest import SPECS, crs_4
from verify.test_verify import FOLDER, blank

from waf_builder.cli import main
from waf_builder.engine.codepage import unicode_mapping
from waf_builder.pipeline import Choice, render_spec
from waf_builder.verify.inprocess import loaded
from waf_builder.verify.pair import Pair, pair_of
from waf_builder.verify.verify import compare
from waf_builder.verify.wire import Request

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine


COUNT = 100


@pytest.fixture(scope="module")
def rule_set(engine_new: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Core Rule Set 3.3 without the rules by country, which the wheel has no data for."""
    assert engine_new.crs
    folder = tmp_path_factory.mktemp("crs") / "crs"
    shutil.copytree(engine_new.crs.folder, folder)
    (folder / "rules/REQUEST-910-IP-REPUTATION.conf").write_text("")
    return folder


def pair_for(policy: str, engine: Engine, rule_set: str, folder: Path) -> Pair:
    file = folder / "backend.yaml"
    file.write_text(f"backend: {{host: 127.0.0.1, port: 3000}}\n{SPECS[policy]}\n")
    rendered = render_spec(file, Choice(engine=str(engine.root), crs=rule_set))
    assert rendered.engine
    return pair_of(file, rendered, 9, rendered.engine.crs)


@pytest.mark.parametrize("policy", ["routes"])
def test_compiled_rules_say_the_same_as_the_installed_ones(
    policy: str, engine_new: Engine, rule_set: Path, tmp_path: Path
):
    found = compare(pair_for(policy, engine_new, str(rule_set), tmp_path), count=COUNT, seed=1)
    assert not found.differences, "\n".join(map(str, found.differences[:3]))
    assert (found.requests, len(found.rules) > 50) == (COUNT, True)
    assert found.refused > COUNT / 10


@pytest.mark.parametrize("policy", SPECS)
def test_so_do_those_of_the_next_major_version(policy: str, engine_new: Engine, tmp_path: Path):
    found = compare(pair_for(policy, engine_new, crs_4(), tmp_path), count=COUNT, seed=1)
    assert not found.differences, "\n".join(map(str, found.differences[:3]))
    assert len(found.rules) > 50


def test_a_rule_that_was_lost_is_found(engine_new: Engine, rule_set: Path, tmp_path: Path):
    pair = pair_for("default", engine_new, str(rule_set), tmp_path)
    (name,) = (name for name in pair.compiled if name.startswith(f"{FOLDER}REQUEST-942"))
    without = {**pair.compiled, name: blank(pair.compiled[name], 942100)}
    found = compare(replace(pair, compiled=without), count=1000, seed=1)
    assert found.differences
    assert all(942100 in difference.rules for difference in found.differences)


def test_nothing_is_said_of_what_no_rule_sees(engine_new: Engine, rule_set: Path, tmp_path: Path):
    pair = pair_for("routes", engine_new, str(rule_set), tmp_path)
    requests = {
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n": "200",
        b"GET / HTTP/1.1\r\n\r\n": "400",
        b"GET / HTTP/1.1\r\nHost: files.example.com\r\n\r\n": "200",
        b"PUT / HTTP/1.1\r\nHost: files.example.com\r\n\r\n": "405",
        b"GET /?q=%3Cscript%3Ealert(1)%3C/script%3E HTTP/1.1\r\nHost: a\r\n\r\n": "403",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n": "no answer",
        b"no request": "no answer",
    }
    scores, unicode_map = "the scores", unicode_mapping()
    with loaded(pair.compiled, scores, pair.routings[1], rule_set, unicode_map) as side:
        for number, data in enumerate(requests):
            side.send(Request(number, data, ""))
        said = side.verdicts(Request(0, b"", ""))
    assert [verdict.status for verdict in said.values()] == list(requests.values())
    assert [verdict.scores == scores for verdict in said.values()] == [
        status not in {"400", "no answer"} for status in requests.values()
    ]


def test_the_command_takes_the_library(engine_new: Engine, rule_set: Path, tmp_path: Path):
    (tmp_path / "backend.yaml").write_text("backend: {host: 127.0.0.1, port: 3000}\n")
    asked = ["crs", "verify", str(tmp_path / "backend.yaml"), "--requests", "100"]
    choice = ["--engine", "library", "--crs", str(rule_set)]
    environment = {"WAF_BUILDER_ENGINE": str(engine_new.root)}
    result = CliRunner().invoke(main, [*asked, *choice], env=environment)
    assert re.fullmatch(
        r"100 requests, \d+ refused, \d+ rules matched: the same from both\n", result.stdout
    ), result.output
    assert result.exit_code == 0


def test_the_command_says_what_the_library_cannot_load(engine_new: Engine, tmp_path: Path):
    (tmp_path / "backend.yaml").write_text("backend: {host: 127.0.0.1, port: 3000}\n")
    asked = ["crs", "verify", str(tmp_path / "backend.yaml"), "--engine", "library"]
    result = CliRunner().invoke(main, asked, env={"WAF_BUILDER_ENGINE": str(engine_new.root)})
    assert (result.exit_code, result.stdout) == (1, "")
    assert "REQUEST-910-IP-REPUTATION.conf" in result.stderr
    assert "`--engine nginx` asks a real nginx" in result.stderr


def test_without_rules_there_is_nothing_to_compare(engine_new: Engine, tmp_path: Path):
    file = tmp_path / "backend.yaml"
    file.write_text("backend: {host: 127.0.0.1, port: 3000}\nwaf: {mode: 'off'}\n")
    environment = {"WAF_BUILDER_ENGINE": str(engine_new.root)}
    result = CliRunner().invoke(main, ["crs", "verify", str(file)], env=environment)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no route has rules (mode: off), so there is nothing to compare" in result.stderr
