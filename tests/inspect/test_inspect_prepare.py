"""What an inspection is prepared from: it is kept for as long as all of that stays as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from waf_builder.choice import NO_ENGINE, Choice
from waf_builder.errors import EngineError
from waf_builder.judges import _kept

if TYPE_CHECKING:
    from pathlib import Path

SPEC = """\
backend: {host: site.internal, port: 3000}
waf:
  compile: false
  plugins: [{name: own-plugin, folder: elsewhere}]
"""
RULE = 'SecRule ARGS:a "@streq {word}" "id:9500001,phase:1,deny,msg:\'own\'"\n'


@pytest.fixture
def rule_set(tmp_path: Path) -> str:
    """A folder that counts as a Core Rule Set 4: no rule of it is asked here."""
    rules = tmp_path / "crs/rules"
    rules.mkdir(parents=True)
    (rules / "REQUEST-901-INITIALIZATION.conf").write_text("# OWASP_CRS/4.28.0\n")
    return str(tmp_path / "crs")


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a plugin that the spec names, away from `waf/`."""
    monkeypatch.setenv("WAF_BUILDER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WAF_BUILDER_ENGINE", NO_ENGINE)
    (tmp_path / "backend.yaml").write_text(SPEC)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/own-before.conf").write_text(RULE.format(word="one"))
    return tmp_path / "elsewhere"


def rules(plugin: Path, rule_set: str) -> str:
    prepared = _kept(plugin.parent / "backend.yaml", Choice(crs=rule_set), lambda _line: None)
    return "".join(text for name, text in prepared.files.items() if "own-" in name)


def test_the_rules_of_a_plugin_count(plugin: Path, rule_set: str):
    assert "@streq one" in rules(plugin, rule_set)
    (plugin / "own-before.conf").write_text(RULE.format(word="another"))
    assert "@streq another" in rules(plugin, rule_set)


def test_a_new_file_of_a_plugin_counts(plugin: Path, rule_set: str):
    assert "@streq more" not in rules(plugin, rule_set)
    (plugin / "own-after.conf").write_text(RULE.format(word="more").replace("9500001", "9500002"))
    assert "@streq more" in rules(plugin, rule_set)


def test_an_engine_that_is_named_must_be_there(
    plugin: Path, rule_set: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("WAF_BUILDER_ENGINE", "/nosuch")
    with pytest.raises(EngineError, match="no engine in /nosuch"):
        rules(plugin, rule_set)
