"""A lock against real engines and rules: met, or told exactly what changed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from waf_builder import __version__
from waf_builder.crs.digest import content_digest
from waf_builder.crs.installed import InstalledCrs
from waf_builder.download import digest_of
from waf_builder.engine.find import OWN_CRS, find
from waf_builder.lock.model import Lock, LockedCrs, LockedEngine, Part, kind_of, lock_of
from waf_builder.lock.verify import verify
from waf_builder.problem import Severity
from waf_builder.version import Version

if TYPE_CHECKING:
    from pathlib import Path

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

ZEROS = f"sha256:{'0' * 64}"


def rules(engine: Engine) -> InstalledCrs:
    assert engine.crs is not None
    return engine.crs


def told(lock: Lock, engine: Engine) -> dict[str, str]:
    """Return the problems' messages by code."""
    return {problem.code: problem.message for problem in verify(lock, engine, rules(engine))}


@pytest.fixture
def locked(engine_old: Engine) -> Lock:
    return lock_of(engine_old, rules(engine_old), __version__)


def test_what_was_locked_is_met(engine: Engine) -> None:
    lock = lock_of(engine, rules(engine), __version__)
    assert verify(lock, engine, rules(engine)) == []
    assert lock.engine.kind == "apt"
    assert lock.engine.nginx == Part(engine.nginx_version, digest_of(engine.nginx))
    assert lock.engine.module == Part(engine.connector_version, digest_of(engine.module))
    assert lock.engine.libmodsecurity.version == engine.modsecurity_version
    assert lock.engine.libmodsecurity.digest is not None
    assert engine.allocator is not None
    assert lock.engine.jemalloc.digest == digest_of(engine.allocator)
    assert lock.engine.jemalloc.version is not None
    assert lock.crs == LockedCrs(rules(engine).version, content_digest(rules(engine).folder))


def test_a_lock_of_nothing_is_met(engine_old: Engine) -> None:
    assert verify(Lock(), engine_old, rules(engine_old)) == []


def test_another_engine(locked: Lock, engine_new: Engine) -> None:
    new = engine_new
    said = told(locked, new)
    assert said["lock.nginx"] == (
        f"nginx has changed: locked is {locked.engine.nginx.version}, here is {new.nginx_version}"
    )
    assert said.keys() == {
        "lock.nginx",
        "lock.module",
        "lock.libmodsecurity",
        "lock.jemalloc",
        "lock.crs",
    }


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("nginx", "nginx"),
        ("module", "the module"),
        ("libmodsecurity", "libmodsecurity"),
        ("jemalloc", "jemalloc"),
    ],
)
def test_other_files_of_the_same_version(
    locked: Lock, engine_old: Engine, part: str, name: str
) -> None:
    was: Part = getattr(locked.engine, part)
    changed = {part: replace(was, digest=ZEROS)}
    lock = replace(locked, engine=replace(locked.engine, **changed))
    assert told(lock, engine_old) == {
        f"lock.{part}": f"{name} {was.version}, the same version, has changed:"
        f" locked is {ZEROS}, here is {was.digest}"
    }


def test_a_jemalloc_that_is_gone(locked: Lock, engine_old: Engine, tmp_path: Path) -> None:
    root = shutil.copytree(engine_old.root.resolve(), tmp_path / "engine")
    next(root.glob("usr/lib/*/libjemalloc.so.2")).unlink()
    version = locked.engine.jemalloc.version
    assert told(locked, find(str(root))) == {
        "lock.jemalloc": f"jemalloc has changed: locked is {version}, here is none"
    }


def test_a_digest_without_a_version_counts(engine_old: Engine) -> None:
    lock = Lock(engine=LockedEngine(module=Part(None, ZEROS)))
    assert told(lock, engine_old) == {
        "lock.module": f"the module has changed: locked is {ZEROS},"
        f" here is {digest_of(engine_old.module)}"
    }


def test_other_rules_of_the_same_version(locked: Lock, engine_old: Engine, tmp_path: Path) -> None:
    folder = tmp_path / "crs"
    shutil.copytree(rules(engine_old).folder, folder)
    (folder / "rules/REQUEST-000-OPEN.conf").write_text("SecRuleEngine Off\n")
    changed = InstalledCrs(folder, rules(engine_old).version)
    (problem,) = verify(locked, engine_old, changed)
    assert problem.code == "lock.crs"
    assert problem.message == (
        f"the Core Rule Set {changed.version}, the same version, has changed:"
        f" locked is {locked.crs.digest}, here is {content_digest(folder)}"
    )


def test_another_kind_or_release_is_told_without_every_file(
    locked: Lock, engine_old: Engine
) -> None:
    archives = {"nginx-1.30.4.tgz": ZEROS}
    engine = replace(
        locked.engine,
        kind="platform",
        release="scalingo-26",
        nginx=Part(Version(1, 30, 4)),
        module=replace(locked.engine.module, digest=ZEROS),
        archives=archives,
    )
    release = locked.engine.release
    assert told(replace(locked, engine=engine), engine_old) == {
        "lock.engine-kind": "the engine's kind has changed: locked is platform, here is apt",
        "lock.engine-release": "the engine's release has changed: locked is scalingo-26,"
        f" here is {release}",
        "lock.nginx": f"nginx has changed: locked is 1.30.4, here is {locked.engine.nginx.version}",
    }


def test_another_waf_builder_is_only_a_note(locked: Lock, engine_old: Engine) -> None:
    (problem,) = verify(replace(locked, made_by="0.0.1"), engine_old, rules(engine_old))
    assert problem.severity is Severity.NOTE
    assert problem.message == (
        f"waf-builder has changed: the lock was made by 0.0.1, this is {__version__}"
    )


@pytest.fixture
def from_archives(engine_old: Engine, tmp_path: Path) -> Engine:
    """An engine that says that it was made of a platform's archives."""
    root = tmp_path / "engine"
    shutil.copytree(engine_old.root.resolve(), root)
    (root / "archives.txt").write_text(
        f"stack scalingo-26\nnginx-1.30.4.tgz {'1' * 32} {'2' * 64}\n"
        f"modsecurity-3.0.16.tgz {'3' * 32} {'4' * 64}\n"
    )
    return find(str(root), OWN_CRS)


def test_of_a_platforms_engine_the_archives_are_locked(from_archives: Engine) -> None:
    engine = from_archives
    lock = lock_of(engine, rules(engine), __version__)
    assert (lock.engine.kind, lock.engine.release) == ("platform", "scalingo-26")
    assert lock.engine.archives == {
        "nginx-1.30.4.tgz": f"sha256:{'2' * 64}",
        "modsecurity-3.0.16.tgz": f"sha256:{'4' * 64}",
    }
    assert lock.engine.nginx == Part(engine.nginx_version)
    assert told(lock, engine) == {}
    # What somebody locks by hand is compared all the same.
    by_hand = Lock(engine=LockedEngine(nginx=Part(None, ZEROS)))
    assert told(by_hand, engine).keys() == {"lock.nginx"}


def test_archives_that_changed(from_archives: Engine) -> None:
    archives = {"nginx-1.30.4.tgz": ZEROS, "modsecurity-3.0.15.tgz": ZEROS}
    lock = Lock(engine=LockedEngine(kind="platform", archives=archives))
    first, second = verify(lock, from_archives, rules(from_archives))
    assert first.message == (
        f"nginx-1.30.4.tgz has changed: locked is {ZEROS}, here is sha256:{'2' * 64}"
    )
    assert second.message == (
        f"modsecurity-3.0.15.tgz has changed: locked is {ZEROS},"
        " here is nginx-1.30.4.tgz, modsecurity-3.0.16.tgz"
    )


def test_the_kind_of_an_engine(from_archives: Engine, engine_old: Engine) -> None:
    assert kind_of(from_archives) == "platform"
    (from_archives.root / "archives.txt").write_text("damaged\n")
    assert kind_of(from_archives) == "apt"
    (from_archives.root / "packages.txt").unlink()
    assert kind_of(from_archives) == "folder"
    assert kind_of(replace(engine_old, root=from_archives.root.__class__("/"))) == "system"
