"""What start-waf says of a container that is too small, before it fails under load."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.tree import boot, with_stub, write_tree

from waf_builder.doctor.memory import BASE_MIB, BODY_FACTOR, WORKER_MIB
from waf_builder.paths import start_waf

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return with_stub(write_tree(tmp_path / "waf"))


def stamped(tree: Path, max_body: object) -> Path:
    stamp = {"summary": "a summary", "max_body": max_body, "files": {}}
    (tree / "waf-builder.json").write_text(json.dumps(stamp, indent=2) + "\n")
    return tree


def said(tree: Path, memory: int) -> list[str]:
    result = boot(tree, CONTAINER_MEMORY=str(memory * MIB))
    assert result.returncode == 0
    return result.stderr.splitlines()


def too_large(body: int, need: int, there: int) -> str:
    return (
        f"waf: warning: one body of {body} MiB (max_body) may take up to {need} MiB while it is"
        f" inspected, and the container has {there} MiB"
    )


def test_says_nothing_where_there_is_enough(tree):
    assert said(stamped(tree, 10 * MIB), 512) == []


def test_one_worker_may_be_too_many(tree):
    assert said(tree, 159) == [
        "waf: warning: 1 worker may take up to 160 MiB under load, and the container has 159 MiB"
    ]
    assert said(tree, 160) == []


def test_the_workers_of_the_spec_may_be_too_many(tree):
    (tree / "boot/workers.conf").write_text("worker_processes 8;\n")
    assert said(tree, 512) == [
        "waf: warning: 8 workers may take up to 832 MiB under load, and the container has 512 MiB"
    ]
    assert said(tree, 832) == []


def test_one_body_may_be_too_large(tree):
    assert said(stamped(tree, 70 * MIB), 1024) == [too_large(70, 1540, 1024)]
    assert said(stamped(tree, 70 * MIB), 1604) == []
    assert said(stamped(tree, 10 * MIB - 1), 256) == [too_large(10, 220, 256)]


@pytest.mark.parametrize("max_body", [0, "10", None, -1, 10**13])
def test_a_stamp_that_does_not_say_is_no_reason_to_warn(tree, max_body):
    assert said(stamped(tree, max_body), 160) == []


def test_a_tree_without_a_stamp_boots(tree):
    (tree / "waf-builder.json").unlink()
    assert said(tree, 160) == []


def test_without_a_limit_there_is_nothing_to_warn_of(tree):
    result = boot(stamped(tree, 70 * MIB), CONTAINER_MEMORY=None)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_doctor_counts_with_the_same_numbers():
    script = start_waf().read_text()
    assert f"(memory - {BASE_MIB}) / {WORKER_MIB}" in script
    assert f"{BASE_MIB} + {WORKER_MIB} * count" in script
    assert f"{BASE_MIB} + {BODY_FACTOR} * body" in script
