"""What is kept between inspections, and everything that makes it count as none."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from waf_builder.choice import Choice
from waf_builder.inspect import kept
from waf_builder.inspect.prepared import Prepared
from waf_builder.inspect.routing import Host, Route, Routing
from waf_builder.problem import Place, Problem, Severity

ROUTE = Route(
    "/",
    "/",
    exact=False,
    mode="block",
    rules="",
    methods="",
    content_types="",
    max_body=1,
    threshold=5,
    level=1,
)
PREPARED = Prepared(
    Routing((Host(("a.test",), (ROUTE,), True, ("/x",)),), 1, 5, "/health", True, ("^/x",), False),
    {"modsecurity/main.conf": "SecRuleEngine On\n"},
    "20127 \n",
    Path("/rules"),
    (Problem("a.b", "what", Place("f", 1, 2), "how", Severity.WARNING), Problem("c.d", "what")),
    (),
)  # fmt: skip
CHOICE = Choice()


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    file = tmp_path / "app/backend.yaml"
    (file.parent / "waf/rules").mkdir(parents=True)
    (file.parent / "waf/rules/a.conf").write_text("# a\n", encoding="utf-8")
    file.write_text("backend: {host: ${NAME}, port: 3000}\n", encoding="utf-8")
    return file


def test_what_is_kept_is_what_comes_back(tmp_path: Path, spec: Path):
    key = kept.key_of(spec, CHOICE)
    assert key
    assert kept.load(tmp_path, key) is None
    kept.save(tmp_path, key, PREPARED)
    assert kept.load(tmp_path, key) == PREPARED
    assert kept.key_of(spec, CHOICE) == key


def change_spec(spec: Path, _patch: pytest.MonkeyPatch) -> None:
    spec.write_text("backend: {host: other, port: 3000}\n", encoding="utf-8")


def change_rules(spec: Path, _patch: pytest.MonkeyPatch) -> None:
    (spec.parent / "waf/rules/a.conf").write_text("# b\n", encoding="utf-8")


def add_rules(spec: Path, _patch: pytest.MonkeyPatch) -> None:
    (spec.parent / "waf/rules/b.conf").touch()


def change_variable(_spec: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("NAME", "other")


def change_engine(_spec: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("WAF_BUILDER_ENGINE", "/other")


def change_code(_spec: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(kept, "_code", lambda: [Path(__file__)])


@pytest.mark.parametrize(
    "change", [change_spec, change_rules, add_rules, change_variable, change_engine, change_code]
)
def test_everything_that_it_is_made_from_counts(
    spec: Path, monkeypatch: pytest.MonkeyPatch, change
):
    before = kept.key_of(spec, CHOICE)
    change(spec, monkeypatch)
    assert kept.key_of(spec, CHOICE) != before


def test_the_choice_counts(spec: Path):
    choices = (CHOICE, Choice("system"), Choice(crs="4"))
    assert len({kept.key_of(spec, choice) for choice in choices}) == 3


def test_an_engine_that_changed_makes_it_count_as_none(tmp_path: Path, spec: Path):
    nginx, missing = tmp_path / "nginx", tmp_path / "other"
    nginx.write_text("1")
    key = kept.key_of(spec, CHOICE)
    assert key
    kept.save(tmp_path, key, replace(PREPARED, depends_on=(nginx, missing)))
    assert kept.load(tmp_path, key)
    missing.touch()
    assert kept.load(tmp_path, key) is None
    missing.unlink()
    assert kept.load(tmp_path, key)
    os.utime(nginx, ns=(1, 1))
    assert kept.load(tmp_path, key) is None


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-9], lambda data: data.replace(b"On", b"Of")]
)
def test_damage_makes_it_count_as_none(tmp_path: Path, spec: Path, damage):
    key = kept.key_of(spec, CHOICE)
    assert key
    kept.save(tmp_path, key, PREPARED)
    (file,) = (tmp_path / "inspect").iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert kept.load(tmp_path, key) is None


def test_only_the_last_few_stay(tmp_path: Path):
    for number in range(20):
        kept.save(tmp_path, f"{number}", PREPARED)
    assert len(list((tmp_path / "inspect").iterdir())) == 16


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path):
    (tmp_path / "inspect").touch()
    kept.save(tmp_path, "a", PREPARED)
    assert kept.load(tmp_path, "a") is None


def test_a_spec_that_is_not_there_has_no_key(tmp_path: Path):
    assert kept.key_of(tmp_path / "none.yaml", CHOICE) is None
