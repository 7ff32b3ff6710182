"""`waf-builder lock`, as it is used."""

from __future__ import annotations

import shutil
import socket
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from support import platform as packaging
from support.files import serve_files

from waf_builder import download as downloads
from waf_builder.cli import main
from waf_builder.crs.digest import content_digest
from waf_builder.engine import archives, platform, store
from waf_builder.lock.read import read_lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

SPEC = "backend: {host: 127.0.0.1, port: 3000}\n"


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec in a folder of its own, with an empty cache and no release to be had."""
    monkeypatch.setenv("WAF_BUILDER_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(downloads.time, "sleep", lambda _seconds: None)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WAF_BUILDER_CRS_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
    file = tmp_path / "app" / "backend.yaml"
    file.parent.mkdir()
    file.write_text(SPEC)
    return file


@pytest.fixture
def run(spec: Path) -> Callable[..., Result]:
    """Return a function that runs `waf-builder lock SPEC` with more arguments."""

    def call(*arguments: object) -> Result:
        return CliRunner().invoke(main, ["lock", str(spec), *map(str, arguments)])

    return call


def crs_of(engine: Engine) -> str:
    assert engine.crs is not None
    return str(engine.crs.folder)


def test_a_lock_is_written_and_met(
    run: Callable[..., Result], spec: Path, engine_old: Engine
) -> None:
    made = run("--engine", engine_old.root, "--crs", crs_of(engine_old))
    assert (made.exit_code, made.stdout) == (0, "")
    lock = read_lock(spec.with_name("waf.lock"))
    assert lock is not None
    assert (
        f"/waf.lock: nginx {engine_old.nginx_version}, libmodsecurity"
        f" {engine_old.modsecurity_version}, CRS {lock.crs.version} (apt)\n"
    ) in made.stderr
    assert lock.crs.digest == content_digest(engine_old.crs.folder)  # type: ignore[union-attr]
    text = spec.with_name("waf.lock").read_bytes()
    assert {path.name for path in spec.parent.iterdir()} == {"backend.yaml", "waf.lock"}
    # No release can be had, and none is needed: the locked rules are the engine's own.
    checked = run("--check", "--engine", engine_old.root)
    assert (checked.exit_code, checked.stderr) == (
        0,
        f"{spec.with_name('waf.lock')} can be met here\n",
    )
    again = run("--engine", engine_old.root, "--crs", crs_of(engine_old))
    assert again.exit_code == 0
    assert spec.with_name("waf.lock").read_bytes() == text


def test_who_can_meet_a_lock_of_packages_is_said_at_once(
    run: Callable[..., Result],
    spec: Path,
    engine_old: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a container of the platform it is for that container's stack."""
    engine = ("--engine", engine_old.root, "--crs", crs_of(engine_old))
    monkeypatch.setenv("STACK", "scalingo-26")
    assert "can meet" not in run(*engine).stderr
    monkeypatch.delenv("STACK")
    assert run(*engine).stderr.endswith(
        f"\n{spec.with_name('waf.lock')}: warning: only a deploy on {store.codename()} can"
        " meet this lock: other systems have other packages [lock.of-this-release]\n"
        "    `scalingo --app APP run waf-builder lock` makes that of a deployed app, for its"
        " stack.\n"
    )


def test_that_no_deploy_can_meet_a_lock_is_said_at_once(
    run: Callable[..., Result], spec: Path, engine_old: Engine, tmp_path: Path
) -> None:
    root = shutil.copytree(engine_old.root.resolve(), tmp_path / "engine")
    (root / "packages.txt").unlink()
    made = run("--engine", root, "--crs", crs_of(engine_old))
    assert made.exit_code == 0
    assert (
        f"\n{spec.with_name('waf.lock')}: warning: no deploy can meet this lock: an engine of the"
        " kind 'folder' is only on this machine [lock.of-this-machine]\n"
    ) in made.stderr


def test_a_spec_is_found_or_to_be_named(
    spec: Path, engine_old: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = ["--engine", str(engine_old.root), "--crs", crs_of(engine_old)]
    monkeypatch.chdir(spec.parent)
    assert CliRunner().invoke(main, ["lock", *engine]).exit_code == 0
    assert spec.with_name("waf.lock").is_file()
    (spec.parent / "waf.yaml").write_text(SPEC)
    both = CliRunner().invoke(main, ["lock", *engine])
    assert both.exit_code == 2
    assert "name the spec: there are backend.yaml and waf.yaml" in both.stderr
    monkeypatch.chdir(spec.parent.parent)
    monkeypatch.setenv("HOME", str(spec.parent))  # nothing is deployed there
    none = CliRunner().invoke(main, ["lock", *engine])
    assert none.exit_code == 2
    assert "name the spec: there is no backend.yaml here" in none.stderr


def test_a_lock_that_cannot_be_met(
    run: Callable[..., Result], spec: Path, engine_old: Engine, engine_new: Engine
) -> None:
    assert run("--engine", engine_new.root, "--crs", crs_of(engine_new)).exit_code == 0
    before = spec.with_name("waf.lock").read_bytes()
    checked = run("--check", "--engine", engine_old.root, "--crs", crs_of(engine_old))
    assert checked.exit_code == 1
    assert (
        f"waf.lock: error: nginx has changed: locked is {engine_new.nginx_version},"
        f" here is {engine_old.nginx_version} [lock.nginx]\n"
    ) in checked.stderr
    assert "can be met" not in checked.stderr
    assert spec.with_name("waf.lock").read_bytes() == before


def test_no_lock_to_check(run: Callable[..., Result], spec: Path) -> None:
    checked = run("--check")
    assert checked.exit_code == 1
    assert checked.stderr == (
        f"error: there is no {spec.with_name('waf.lock')}\n"
        f"    `waf-builder lock {spec}` writes one.\n"
    )


def test_a_damaged_lock(run: Callable[..., Result], spec: Path) -> None:
    spec.with_name("waf.lock").write_text("lock: 1\ncsr: {}\n")
    checked = run("--check")
    assert checked.exit_code == 1
    assert checked.stderr.startswith(
        f"{spec.with_name('waf.lock')}:2:1: error: csr: unknown key 'csr' [lock.unknown-key]\n"
    )


def test_the_spec_says_which_rules(
    run: Callable[..., Result], spec: Path, engine_new: Engine
) -> None:
    spec.write_text(f"{SPEC}waf: {{crs: 4}}\n")
    made = run("--engine", engine_new.root)
    assert made.exit_code == 1
    assert "\nerror: Core Rule Set 4.28.0 cannot be had: http://127.0.0.1:" in made.stderr
    assert not spec.with_name("waf.lock").exists()
    exact = engine_new.crs.version  # type: ignore[union-attr]
    spec.write_text(f"{SPEC}waf: {{crs: {exact}}}\n")
    assert run("--engine", engine_new.root).exit_code == 0


def test_older_rules_are_locked_only_on_purpose(
    run: Callable[..., Result], spec: Path, engine_new: Engine
) -> None:
    """The newest ones cannot be had, which is for now, and a lock is for months."""
    own = engine_new.crs.version  # type: ignore[union-attr]
    made = run("--engine", engine_new.root)
    assert made.exit_code == 1
    assert "\nerror: Core Rule Set 4.28.0 cannot be had: http://127.0.0.1:" in made.stderr
    assert made.stderr.endswith(
        f"\n    Try again later, or take older rules on purpose: --crs {own}\n"
    )
    assert not spec.with_name("waf.lock").exists()
    assert run("--engine", engine_new.root, "--crs", str(own)).exit_code == 0


@pytest.mark.parametrize("arguments", [(), ("--crs", "3.3.4")], ids=["", "its rules are named"])
def test_a_broken_spec_is_told(
    run: Callable[..., Result], spec: Path, arguments: tuple[str, ...]
) -> None:
    spec.write_text("backend: {}\n")
    assert run(*arguments).exit_code == 1
    assert not spec.with_name("waf.lock").exists()


def test_the_platforms_engine(
    run: Callable[..., Result], spec: Path, engine_old: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locked by its archives; published anew, the lock says so; an engine in the cache will do."""
    packed = packaging.archives(engine_old)
    versions = archives.Versions(engine_old.nginx_version, engine_old.modsecurity_version)
    monkeypatch.setattr(platform, "DEFAULT", versions)
    monkeypatch.setenv("STACK", "scalingo-26")
    crs = ("--crs", crs_of(engine_old))
    with serve_files() as server:
        packaging.publish(server, "scalingo-26", packed)
        monkeypatch.setenv("VENDOR_URL", server.url)
        assert run("--engine", "platform", *crs).exit_code == 0
        lock = read_lock(spec.with_name("waf.lock"))
        assert lock is not None
        assert (lock.engine.kind, lock.engine.release) == ("platform", "scalingo-26")
        assert tuple(lock.engine.archives) == versions.archives()
        name = versions.archives()[0]
        packaging.publish(server, "scalingo-26", {name: packed[name] + b"\0" * 512})
        assert run("--check", *crs).exit_code == 0  # the cache still has it
        shutil.rmtree(platform.folder("scalingo-26"))
        checked = run("--check", *crs)
        assert checked.exit_code == 1
        assert f"error: {name} has changed since waf.lock was written: it was " in checked.stderr
        packaging.publish(server, "scalingo-26", packed)
        assert run("--check", *crs).exit_code == 0
    assert run("--check", *crs).exit_code == 0  # the server is down
    assert store.current(platform.folder("scalingo-26"))
