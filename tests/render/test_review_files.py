"""Odd files beside a spec and odd places for a tree: an error at once, never a hang or a trace."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from specs import SMALLEST
from support.cases import for_each

from waf_builder import cli
from waf_builder.errors import WafBuilderError
from waf_builder.render.overrides import find_overrides
from waf_builder.userfile import MAX_BYTES

Make = Callable[[Path], object]


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)


NOT_READ = {
    "pipe": (os.mkfifo, "is not a regular file"),
    "endless": (lambda path: path.symlink_to("/dev/zero"), "is not a regular file"),
    "folder": (Path.mkdir, "is not a regular file"),
    "link-to-folder": (lambda path: path.symlink_to("/usr"), "is not a regular file"),
    "huge": (huge, "has more than 16,777,216 bytes; no rules need as many"),
}


@for_each("name", ["rules/before-crs/x.conf", "templates/nginx.conf.j2"])
@for_each("kind", NOT_READ)
def test_what_is_no_file_to_read_is_an_error(tmp_path: Path, name: str, kind: str):
    make, message = NOT_READ[kind]
    path = tmp_path / "waf" / name
    path.parent.mkdir(parents=True)
    make(path)

    with pytest.raises(WafBuilderError) as caught:
        find_overrides(tmp_path)

    assert str(caught.value) == f"{path} {message}"


def test_a_link_to_a_file_is_as_good_as_the_file(tmp_path: Path):
    folder = tmp_path / "waf/rules/before-crs"
    folder.mkdir(parents=True)
    (tmp_path / "shared.conf").write_text("# shared\n")
    (folder / "x.conf").symlink_to(tmp_path / "shared.conf")

    assert find_overrides(tmp_path).rules == {"modsecurity/before-crs/x.conf": "# shared\n"}


def test_a_name_that_no_folder_can_have_is_an_error(tmp_path: Path):
    spec, name = tmp_path / "backend.yaml", "a" * 300
    spec.write_text(SMALLEST)
    command = ["render", str(spec), "-o", str(tmp_path / name), "--engine", "none"]

    result = CliRunner().invoke(cli.main, command, catch_exceptions=False)

    assert result.exit_code == 1
    assert result.output.endswith(f"{name} cannot be written: File name too long\n")
