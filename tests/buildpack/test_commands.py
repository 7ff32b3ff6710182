"""waf-builder's own commands where an app is deployed: nothing is there but Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest
from support import deploys
from support.deploys import CHECKOUT

from waf_builder import __version__
from waf_builder.deploy.commands import ARCHIVE, pack_commands

if TYPE_CHECKING:
    from pathlib import Path

    from support.backends import Backend
    from support.registry import Network


def run(*command: object, at: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in command],
        cwd=at,
        env={"PATH": "/usr/bin:/bin", **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def app(compiled: Path, shared: Path) -> Path:
    """The app where it runs, which is not where it was built."""
    return shutil.copytree(compiled, shared / "app", symlinks=True)


@pytest.fixture
def container(app: Path, cache: Path, backend: Backend) -> dict[str, str]:
    """The variables of a one-off container in which a command ran before."""
    return {
        "HOME": str(app),
        "BACKEND_PORT": str(backend.port),
        "WAF_RESOLVERS": "127.0.0.1",
        "WAF_BUILDER_CACHE": str(cache / "waf-builder"),
    }


@pytest.mark.nginx
@pytest.mark.parametrize("folder", ["the app's", "another"])
def test_the_doctor_finds_what_is_deployed(app, container, tmp_path, backend, folder):
    at = app if folder == "the app's" else tmp_path
    doctor = run(app / ".waf/bin/waf-builder", "doctor", at=at, **container)
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert doctor.stderr == ""
    rows = dict(re.findall(r"^(\S[^ ]*(?: [^ ]+)*?) {2,}(\w+)  ", doctor.stdout, re.MULTILINE))
    assert rows["tree"] == rows["backend: page"] == rows["stdout"] == "ok"
    assert rows["engine"] in {"ok", "warning"}
    assert re.search(r"^tree +ok +what the spec asks for, \d+ files", doctor.stdout, re.MULTILINE)


@pytest.mark.nginx
def test_a_lock_of_what_is_deployed_is_met_by_the_next_deploy(app, container, cache, tmp_path):
    lock = run(app / ".waf/bin/waf-builder", "lock", at=app, **container)
    assert lock.returncode == 0, lock.stderr
    assert "kind: apt\n" in (app / "waf.lock").read_text()
    files = {name: (app / name).read_text() for name in ("backend.yaml", "waf.lock")}
    build = deploys.app(tmp_path / "next", files)
    again = deploys.compile_app(build, cache, deploys.nowhere(tmp_path / "net"))
    assert again.status == 0, again.log
    assert "locked by waf.lock" in again.log
    assert "cannot be had" not in again.log


@pytest.mark.nginx
def test_the_libraries_come_the_first_time(app, container, tmp_path, reach: Network):
    own = {**container, **reach.variables(), "WAF_BUILDER_CACHE": "", "STACK": deploys.STACK}
    first = run(app / ".waf/bin/waf-builder", "validate", "backend.yaml", at=app, **own)
    assert first.returncode == 0, first.stderr
    assert "locked libraries from the package index" in first.stderr
    assert {path.name for path in (app / ".cache").iterdir()} == {"waf-builder"}
    dead = deploys.nowhere(tmp_path / "net").variables()
    again = run(app / ".waf/bin/waf-builder", "validate", "backend.yaml", at=app, **{**own, **dead})
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout == "backend.yaml is valid\n"


def test_without_a_package_index_it_says_why(app, container, tmp_path):
    own = {**container, "WAF_BUILDER_CACHE": str(tmp_path / "empty")}
    dead = deploys.nowhere(tmp_path / "net").variables()
    doctor = run(app / ".waf/bin/waf-builder", "doctor", at=app, **{**own, **dead})
    assert (doctor.returncode, doctor.stdout) == (1, "")
    assert "\n !     Error: Python's package installer could not be had" in doctor.stderr


def test_a_clone_has_the_same_command(container, tmp_path):
    said = run(CHECKOUT / "bin/waf-builder", "--version", at=tmp_path, **container)
    assert (said.returncode, said.stdout) == (0, f"waf-builder, version {__version__}\n")


def test_the_status_is_that_of_the_command_and_nothing_stays(app, container, tmp_path):
    """As of `validate` on a spec that is not there."""
    own = {**container, "TMPDIR": str(tmp_path)}
    said = run(app / ".waf/bin/waf-builder", "validate", "none.yaml", at=app, **own)
    assert said.returncode == 1
    assert said.stderr.startswith("error: there is no none.yaml")
    wrong = run(app / ".waf/bin/waf-builder", "no-such-command", at=app, **own)
    assert wrong.returncode == 2
    assert not list(tmp_path.glob("waf-builder.*"))


def test_the_archive_holds_what_the_commands_need_and_is_the_same_each_time(tmp_path, clone):
    pack_commands(tmp_path / ARCHIVE)
    first = (tmp_path / ARCHIVE).read_bytes()
    os.utime(CHECKOUT / "LICENSE")
    pack_commands(tmp_path / ARCHIVE)
    assert (tmp_path / ARCHIVE).read_bytes() == first
    with tarfile.open(tmp_path / ARCHIVE) as archive:
        names = archive.getnames()
        modes = {member.mode for member in archive if member.isfile()}
    assert {name.partition("/")[0] for name in names} == {
        "LICENSE", "bin", "buildpack", "templates", "waf_builder",
    }  # fmt: skip
    assert modes == {0o644, 0o755}
    assert [name for name in names if not (clone / name).is_file()] == ["bin"]
    assert (clone / "bin").is_symlink()
