from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.engines import NEWEST

from waf_builder.crs.installed import InstalledCrs
from waf_builder.deploy import install as room
from waf_builder.deploy.install import (
    add_engine,
    add_start,
    install,
    moved,
    require_free,
    staging,
)
from waf_builder.deploy.model import DeployError
from waf_builder.engine.link import link
from waf_builder.version import Version

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine


def assembled(app: Path, text: str) -> Path:
    folder = app / ".waf.staging"
    (folder / "tree").mkdir(parents=True)
    (folder / "tree/waf-builder.json").write_text(text)
    return folder


def test_a_staged_folder_is_gone_afterwards(tmp_path):
    left = assembled(tmp_path, "of a build that was killed")
    with staging(tmp_path) as folder:
        assert folder == left
        assert list(folder.iterdir()) == []
        (folder / "file").touch()
    assert list(tmp_path.iterdir()) == []


def test_what_is_installed_replaces_what_was_there(tmp_path):
    for text in ("one", "two"):
        require_free(tmp_path)
        install(assembled(tmp_path, text), tmp_path)
        assert (tmp_path / ".waf/tree/waf-builder.json").read_text() == text
    assert (tmp_path / ".profile.d/waf.sh").read_text().startswith("# Lets a Procfile say")
    assert [path.name for path in (tmp_path / ".profile.d").iterdir()] == ["waf.sh"]


@pytest.mark.parametrize("earlier", [False, True], ids=["first", "again"])
def test_a_failure_leaves_what_was_there(tmp_path, monkeypatch, earlier):
    if earlier:
        install(assembled(tmp_path, "one"), tmp_path)
        shutil.rmtree(tmp_path / ".waf.staging", ignore_errors=True)
    before = {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")}

    def fail(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(room, "publish", fail)
    with pytest.raises(OSError, match="no"), staging(tmp_path) as folder:
        install(folder, tmp_path)
    after = {path: path.is_file() and path.read_text() for path in tmp_path.rglob("*")}
    assert after == before


def put(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "link":
        path.symlink_to("nothing")
    else:
        path.write_text("mine\n")


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        (".waf/notes.txt", "file", ".waf"),
        (".waf", "file", ".waf"),
        (".waf", "link", ".waf"),
        (".waf.staging", "file", ".waf.staging"),
        (".waf.staging", "link", ".waf.staging"),
        (".profile.d", "file", ".profile.d"),
        (".profile.d", "link", ".profile.d"),
        (".profile.d/waf.sh", "file", ".profile.d/waf.sh"),
        (".profile.d/waf.sh", "folder", ".profile.d/waf.sh"),
        (".profile.d/waf.sh", "link", ".profile.d/waf.sh"),
    ],
)
def test_files_of_the_app_are_left_alone(tmp_path, name, kind, said):
    put(tmp_path / name, kind)
    with pytest.raises(DeployError) as caught:
        require_free(tmp_path)
    assert str(caught.value).startswith(f"The app has a '{said}' of its own.\n\n")


def test_a_start_that_can_write_nowhere_says_so(tmp_path):
    add_start(tmp_path)
    (tmp_path / "tree").touch()
    run = subprocess.run(
        [tmp_path / "start"],
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"waf: error: neither {tmp_path}/tree/runtime nor {tmp_path}/none can be written by user"
        f" {os.getuid()}\n"
    )


def test_an_engine_knows_itself_where_it_was_moved_to():
    engine = replace(NEWEST, root=Path("/old"), library_path=(Path("/old/lib"),))
    engine = replace(
        engine,
        nginx=Path("/old/usr/sbin/nginx"),
        module=Path("/old/m.so"),
        unicode_map=Path("/old/u"),
        loader=Path("/old/lib/ld.so"),
        crs=InstalledCrs(Path("/old/crs"), Version(4, 0, 0)),
    )
    there = moved(engine, Path("/new"))
    assert there.command() == [
        "/new/lib/ld.so",
        "--library-path",
        "/new/lib",
        "/new/usr/sbin/nginx",
    ]
    assert there.crs == InstalledCrs(Path("/new/crs"), Version(4, 0, 0))
    elsewhere = InstalledCrs(Path("/rules/4"), Version(4, 0, 0))
    there = moved(replace(engine, crs=elsewhere), Path("/new"), Path("/new/crs"))
    assert there.crs == InstalledCrs(Path("/new/crs"), Version(4, 0, 0))


@pytest.mark.nginx
@pytest.mark.parametrize("own_rules", [True, False], ids=["its rules", "rules of another folder"])
def test_a_folder_with_tree_and_engine_may_move(tmp_path, engine: Engine, own_rules):
    """With the machine's loader and with the engine's own."""
    assert engine.crs
    if not own_rules:
        other = tmp_path / "other"
        shutil.copytree(engine.crs.rules, other / "rules")
        (other / "LICENSE").write_text("Apache License\n")
        engine = replace(engine, crs=InstalledCrs(other, engine.crs.version))
    folder = tmp_path / "built here"
    (folder / "tree").mkdir(parents=True)
    link(add_engine(engine, folder), folder / "tree", relative=True)
    shutil.rmtree(tmp_path / "other", ignore_errors=True)
    add_start(folder)
    at = folder.rename(tmp_path / "it's run here")
    run = subprocess.run(
        ["engine/nginx", "-v"],  # noqa: S607  as start-waf calls it
        cwd=at / "tree",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.stderr == f"nginx version: nginx/{engine.nginx_version}\n"
    for name in ("crs/rules/REQUEST-901-INITIALIZATION.conf", "unicode.mapping"):
        assert (at / "tree/engine" / name).resolve().is_relative_to(at)
    assert (at / "bin/start-waf").resolve() == at / "start"
    assert (at / "crs/LICENSE").is_file() is not own_rules


def test_what_starts_the_waf_is_clean_posix_shell(tmp_path):
    (tmp_path / "start").write_text(room._START)
    (tmp_path / "waf.sh").write_text(f"#!/bin/sh\n{room._PROFILE_D}")
    shellcheck = Path(sys.executable).with_name("shellcheck")
    run = subprocess.run(
        [shellcheck, tmp_path / "start", tmp_path / "waf.sh"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 0, run.stdout
