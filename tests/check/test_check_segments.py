"""Shared memory of libmodsecurity before 3.0.13: a machine has 4,096 segments."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from cases import TREE

from waf_builder.check import nginx, segments
from waf_builder.check.tree import booted
from waf_builder.engine.link import link

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

MAKES_ONE = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.shmget(0, 16, 0o1000 | 0o666) >= 0, ctypes.get_errno()
"""


def segment() -> int:
    """Return the id of a process that is gone and whose segment is left."""
    with subprocess.Popen([sys.executable, "-c", MAKES_ONE]) as process:
        assert process.wait(30) == 0
    return process.pid


def test_only_the_segments_of_one_process_are_removed() -> None:
    one, other = segment(), segment()
    try:
        assert [len([*segments.left_by(process)]) for process in (one, other)] == [1, 1]
        segments.remove(one)
        assert [len([*segments.left_by(process)]) for process in (one, other)] == [0, 1]
    finally:
        segments.remove(other)
    assert not [*segments.left_by(other)]


@pytest.mark.parametrize("listed", ["", "no such columns\n1 2 3\n", "key shmid\n\xff\n"])
def test_where_they_cannot_be_listed_they_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str
) -> None:
    file = tmp_path / "shm"
    monkeypatch.setattr(segments, "SEGMENTS", file)
    segments.remove(1)
    file.write_text(listed, encoding="latin-1")
    segments.remove(1)


def test_without_the_command_they_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    left = segment()
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        segments.remove(left)
        assert [*segments.left_by(left)]
    segments.remove(left)


@pytest.mark.nginx
def test_a_check_leaves_none(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    remove, left = segments.remove, []

    def watched(process: int) -> None:
        left.extend(segments.left_by(process))
        remove(process)
        left.extend(segments.left_by(process))

    monkeypatch.setattr(segments, "remove", watched)
    with booted(TREE) as staging:
        link(engine, staging)
        assert nginx.check(staging, engine) == []
    assert len(left) == (engine.modsecurity_version < (3, 0, 13)), (
        "made by the library, then removed"
    )
