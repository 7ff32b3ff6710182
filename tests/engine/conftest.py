"""Engines in folders of a test's own, and programs that pretend to be nginx."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from waf_builder.engine.model import Engine


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, in use."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("WAF_BUILDER_CACHE", str(folder))
    return folder


@pytest.fixture
def copied(engine: Engine, tmp_path: Path) -> Path:
    """The root of a copy of the engine, in a folder with a space and a quote in its name."""
    root = tmp_path / "it's an engine"
    shutil.copytree(engine.root, root, symlinks=True)
    return root


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], Path]:
    """Return a function that makes a shell script of a name in a folder for PATH."""

    def make(name: str, script: str) -> Path:
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return file

    return make
