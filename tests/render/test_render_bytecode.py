"""Templates are compiled once, as Python's own modules are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, nodes

from waf_builder.render.bytecode import BytecodeBeside


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    (tmp_path / "one.j2").write_text("one {{ number }}")
    return tmp_path


class Watched(Environment):
    """Counts what it compiles."""

    compiled = 0

    def _generate(self, source: nodes.Template, *rest, **options):
        self.compiled += 1
        return super()._generate(source, *rest, **options)


def rendered(folder: Path) -> tuple[str, int]:
    """Return what the template prints in a new environment, and how many were compiled."""
    loader = FileSystemLoader(folder)
    environment = Watched(loader=loader, bytecode_cache=BytecodeBeside(folder))
    return environment.get_template("one.j2").render(number=1), environment.compiled


def kept(folder: Path) -> list[Path]:
    return list((folder / "__pycache__").iterdir())


def test_a_template_is_compiled_once(folder: Path):
    assert [rendered(folder), rendered(folder)] == [("one 1", 1), ("one 1", 0)]
    assert [file.suffix for file in kept(folder)] == [".pyc"]


def test_a_template_that_changes_is_compiled_again(folder: Path):
    rendered(folder)
    (folder / "one.j2").write_text("two {{ number }}")

    assert [rendered(folder), rendered(folder)] == [("two 1", 1), ("two 1", 0)]


@pytest.mark.parametrize("left", [0, 3, 20, 70, -1])
def test_what_is_damaged_counts_as_none(folder: Path, left: int):
    rendered(folder)
    (file,) = kept(folder)
    file.write_bytes(file.read_bytes()[:left])

    assert [rendered(folder), rendered(folder)] == [("one 1", 1), ("one 1", 0)]


def test_bytecode_stands_where_python_is_told_to_keep_its_own(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.setattr(sys, "pycache_prefix", str(elsewhere))

    assert [rendered(folder)[1], rendered(folder)[1]] == [1, 0]
    assert list(folder.iterdir()) == [folder / "one.j2"]


def test_nothing_is_kept_where_python_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    assert [rendered(folder)[1], rendered(folder)[1]] == [1, 1]
    assert list(folder.iterdir()) == [folder / "one.j2"]


def test_a_folder_that_cannot_be_written_is_no_error(folder: Path):
    (folder / "__pycache__").write_text("a file in the way")

    assert [rendered(folder), rendered(folder)] == [("one 1", 1), ("one 1", 1)]
