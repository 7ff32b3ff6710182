"""What a waf.lock says, and what is said about one that is damaged."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.lock.model import Lock, LockedCrs, LockedEngine, Part
from waf_builder.lock.read import lock_beside, read_lock
from waf_builder.lock.write import lock_text
from waf_builder.version import Version

if TYPE_CHECKING:
    from pathlib import Path

A, B, C, D = (f"sha256:{letter * 64}" for letter in "abcd")
BY_PLATFORM = Lock(
    made_by="0.1.0",
    engine=LockedEngine(
        kind="platform",
        release="scalingo-26",
        nginx=Part(Version(1, 30, 4)),
        module=Part(Version(1, 0, 4)),
        libmodsecurity=Part(Version(3, 0, 16)),
        archives={"nginx-1.30.4.tgz": A, "modsecurity-3.0.16.tgz": B},
    ),
    crs=LockedCrs(Version(4, 28, 0), C),
)
BY_APT = Lock(
    made_by="0.1.0",
    engine=LockedEngine(
        kind="apt",
        release="trixie",
        nginx=Part(Version(1, 26, 3), A),
        module=Part(None, B),
        libmodsecurity=Part(Version(3, 0, 14), C),
        jemalloc=Part(Version(5, 3, 0), D),
    ),
    crs=LockedCrs(Version(3, 3, 7), D),
)
TEXT = f"""\
# The engine and the rules that backend.yaml was proven with.
# A deploy takes exactly these, or fails and says what changed.
# Commit it; to take what is current, make it again: waf-builder lock backend.yaml
lock: 1
waf_builder: "0.1.0"

engine:
  kind: platform
  release: scalingo-26
  nginx:
    version: 1.30.4
  module:  # ModSecurity-nginx, the connector
    version: 1.0.4
  libmodsecurity:
    version: 3.0.16
  archives:  # nginx with its module, and libmodsecurity with its libraries
    nginx-1.30.4.tgz: {A}
    modsecurity-3.0.16.tgz: {B}

crs:
  version: 4.28.0
  digest: {C}  # of its rules, not of an archive
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return lock_beside(tmp_path / "backend.yaml")


def problems(file: Path, text: str) -> list[str]:
    file.write_text(text)
    with pytest.raises(ProblemsError) as caught:
        read_lock(file)
    return str(caught.value).replace(f"{file}:", "").splitlines()


def test_the_text_of_a_lock() -> None:
    assert lock_text(BY_PLATFORM, "backend.yaml") == TEXT


@pytest.mark.parametrize("lock", [BY_PLATFORM, BY_APT, Lock(made_by="1.0")])
def test_what_is_written_is_read(file: Path, lock: Lock) -> None:
    file.write_text(lock_text(lock, "backend.yaml"))
    assert read_lock(file) == replace(lock, file=str(file))


def test_no_lock(file: Path) -> None:
    assert file.name == "waf.lock"
    assert read_lock(file) is None


def test_a_lock_may_be_json(file: Path) -> None:
    file.write_text(f'{{"lock": 1, "crs": {{"version": "4.27.0", "digest": "{A}"}}}}')
    lock = read_lock(file)
    assert lock is not None
    assert lock.crs == LockedCrs(Version(4, 27, 0), A)
    assert (lock.wanted_crs, lock.crs_pins) == ("4.27.0", {Version(4, 27, 0): A})


def test_a_lock_by_hand_needs_only_what_it_is_about(file: Path) -> None:
    file.write_text("lock: 1\nengine:\n  nginx: {version: 1.30.4}\n")
    lock = read_lock(file)
    assert lock is not None
    assert lock.engine == LockedEngine(nginx=Part(Version(1, 30, 4)))
    assert (lock.wanted_crs, lock.crs_pins) == (None, {})


def test_the_archives_of_another_stack_are_not_asked_for() -> None:
    assert dict(BY_PLATFORM.platform_archives("scalingo-26")) == BY_PLATFORM.engine.archives
    assert dict(BY_PLATFORM.platform_archives("scalingo-28")) == {}
    versions = BY_PLATFORM.platform_versions
    assert versions.archives() == ("nginx-1.30.4.tgz", "modsecurity-3.0.16.tgz")


HEX = "sha256: and 64 hexadecimal digits"
KIND = "one of platform, apt, system, folder"


def not_a(what: str, value: str, expected: str) -> str:
    return f"error: {what} is {value}, expected {expected} [lock.value]"


AGAIN = "    Make it again: waf-builder lock SPEC"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "lock: 1\ncsr: {version: 4.28.0}\n",
            ["2:1: error: csr: unknown key 'csr' [lock.unknown-key]", "    Did you mean 'crs'?"],
        ),
        (
            "lock: 1\nengine:\n  nginx:\n    sha: x\n",
            [
                "4:5: error: engine.nginx.sha: unknown key 'sha' [lock.unknown-key]",
                "    Known here: version, digest.",
            ],
        ),
        (
            "lock: 1\ncrs:\n  version: 4.28\n  digest: 585879\n",
            [
                f"3:12: {not_a('crs.version', '4.28', 'three numbers such as 1.30.4')}",
                AGAIN,
                f"4:11: {not_a('crs.digest', '585879', HEX)}",
                AGAIN,
            ],
        ),
        (
            "lock: 1\nengine: {kind: brew, archives: [a]}\n",
            [
                f"2:16: {not_a('engine.kind', repr('brew'), KIND)}",
                AGAIN,
                "2:32: error: engine.archives is ['a'], expected keys and values [lock.type]",
                AGAIN,
            ],
        ),
        (
            f"lock: 1\nengine:\n  archives:\n    a.tgz: md5:{'0' * 32}\n",
            [
                f"4:12: {not_a('engine.archives.' + repr('a.tgz'), repr('md5:' + '0' * 32), HEX)}",
                AGAIN,
            ],
        ),
        (
            f"lock: 1\ncrs:\n  digest: {A}\n",
            ["3:3: error: crs has a digest and no version [lock.missing]", AGAIN],
        ),
        ("waf_builder: x\n", ["1:1: error: lock is nothing, expected 1 [lock.form]", AGAIN]),
        ('lock: "1"\n', ["1:7: error: lock is '1', expected 1 [lock.form]", AGAIN]),
        ("lock: true\n", ["1:7: error: lock is true, expected 1 [lock.form]", AGAIN]),
        (
            "",
            ["1:1: error: the lock is nothing, expected keys and values [lock.type]", AGAIN],
        ),
        (
            "- a\n",
            ["1:1: error: the lock is ['a'], expected keys and values [lock.type]", AGAIN],
        ),
        (
            "lock: 1\nlock: 1\n",
            [
                "2:1: error: the key 'lock' stands twice [yaml.duplicate-key]",
                "    The first is at line 1. Keep one.",
            ],
        ),
    ],
)
def test_a_damaged_lock(file: Path, text: str, said: list[str]) -> None:
    assert problems(file, text) == said


def test_a_lock_of_a_newer_form(file: Path) -> None:
    file.write_text("lock: 2\nsomething: new\n")
    with pytest.raises(WafBuilderError) as caught:
        read_lock(file)
    assert str(caught.value) == (
        f"{file}:1:7: this lock was written by a newer waf-builder: its form is 2,"
        " and 1 is the newest that this one reads\n"
        "    Update waf-builder, or make the lock again with this one: waf-builder lock SPEC"
    )


def test_a_lock_that_is_no_text(file: Path) -> None:
    file.write_bytes(b"lock: \xff\n")
    with pytest.raises(WafBuilderError, match=r"is not UTF-8 text \(byte 7\)"):
        read_lock(file)


def test_a_lock_that_is_a_link_to_nothing(file: Path) -> None:
    """Whoever committed it did not mean to deploy without a lock."""
    file.symlink_to("submodule/waf.lock")
    with pytest.raises(WafBuilderError, match=r"waf\.lock is a link to nothing"):
        read_lock(file)


def test_a_lock_that_is_a_folder(file: Path) -> None:
    file.mkdir()
    with pytest.raises(WafBuilderError, match="cannot be read: Is a directory"):
        read_lock(file)
