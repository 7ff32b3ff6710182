"""Without shared memory, libmodsecurity before 3.0.13 writes no audit log, and does not say so."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.tree import boot_environment, with_stub, write_tree

from waf_builder.paths import start_waf

if TYPE_CHECKING:
    from pathlib import Path

WARNING = (
    "waf: warning: all 0 segments of shared memory are in use, and without one this libmodsecurity"
    " writes no audit log; 'ipcs -m' lists them, 'ipcrm -m ID' removes one\n"
)


def said(tree: Path, library: str, segments: int) -> str:
    """Return what start-waf says in a system of its own that has this many segments."""
    stamp = {"summary": f"waf-builder 1, nginx 1, libmodsecurity {library}, CRS 1"}
    (tree / "waf-builder.json").write_text(json.dumps(stamp, indent=2) + "\n")
    limit = 'echo "$1" >/proc/sys/kernel/shmmni && shift && exec "$@"'
    result = subprocess.run(
        ["unshare", "--ipc", "sh", "-c", limit, "sh", str(segments), start_waf(), tree],  # noqa: S607
        env=boot_environment(),
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    return result.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="only root can have shared memory of its own")
@pytest.mark.parametrize(
    ("library", "segments", "warned"),
    [
        ("3.0.9", 0, True),
        ("3.0.12", 0, True),
        ("3.0.12", 1, False),
        ("3.0.13", 0, False),
        ("3.0.16", 0, False),
        ("3.1.2", 0, False),
    ],
)
def test_says_that_there_is_no_audit_log(
    tmp_path: Path, library: str, segments: int, warned: bool
) -> None:
    tree = with_stub(write_tree(tmp_path / "waf"))
    assert said(tree, library, segments) == WARNING * warned


def test_a_tree_that_does_not_say_its_library_is_no_reason_to_warn(tmp_path: Path) -> None:
    tree = with_stub(write_tree(tmp_path / "waf"))
    (tree / "waf-builder.json").unlink()
    result = subprocess.run(
        [start_waf(), tree],
        env=boot_environment(),
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )
    assert result.stderr == ""
