"""What the log calls the container: the platform says so at boot."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import waf as real
from support.cases import for_each
from support.tree import boot, with_stub, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waf_builder.engine.model import Engine

NAMED = {"APP": "my-waf", "CONTAINER": "web-1", "CONTAINER_VERSION": "42"}
KEYS = {
    "APP": "service.name",
    "CONTAINER": "container.name",
    "CONTAINER_VERSION": "service.version",
}
NAMELESS = dict.fromkeys(NAMED, "")
HOSTILE = [
    '";}server{listen 1;}',
    "a b",
    "a\nb",
    "a|b",
    "@PORT@",
    "$host",
    "\\",
    "a'b",
    "é",
    "x" * 101,
]
TEMPLATE = "".join(f"{name} @{name}@\n" for name in NAMED)


@pytest.fixture(scope="module")
def tree(engine_new: Engine) -> Iterator[Path]:
    # Not in pytest's own folder: the workers of a root run as nobody, and could not enter it.
    folder = Path(tempfile.mkdtemp(prefix="waf-builder-tests-"))
    folder.chmod(0o755)
    real.render("backend: {host: 127.0.0.1, port: 9}\n", folder / "tree", engine_new)
    yield folder / "tree"
    shutil.rmtree(folder)


@pytest.mark.nginx
@pytest.mark.parametrize("given", [NAMED, {**NAMED, "APP": ""}, NAMELESS], ids=range(3))
def test_each_line_names_its_container(tree: Path, given: dict[str, str]):
    with real.running(tree, resolver="127.0.0.1", environment=given) as waf:
        marker = real.mark()
        waf.ask(f"/{marker}")
        line = waf.access(marker)
        assert {name: line[key] for name, key in KEYS.items()} == given


@for_each("name", NAMED)
@for_each("value", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_plain_word_is_left_out(tmp_path: Path, name: str, value: str):
    """A log without a label is better than an app that does not start."""
    tree = with_stub(write_tree(tmp_path / "waf"))
    (tree / "boot/logs.conf").write_text(TEMPLATE)
    result = boot(tree, **{**NAMED, name: value})
    filled = {**NAMED, name: ""}
    lines = (tree / "runtime/logs.conf").read_text().splitlines()
    assert lines == [f"{one} {filled[one]}" for one in NAMED]
    assert f"waf: warning: {name} has other characters than" in result.stderr
    assert value not in result.stderr
