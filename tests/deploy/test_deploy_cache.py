"""A folder for what a command got: the user's own, and nobody else's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from waf_builder.deploy.cache import user_cache
from waf_builder.deploy.model import DeployError


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files, and no home."""
    for name in ("WAF_BUILDER_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / f"waf-builder-{os.getuid()}"


def no_passwd_entry() -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_cache() == tmp_path / ".cache/waf-builder"


def test_the_one_that_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAF_BUILDER_CACHE", str(tmp_path / "named"))
    assert user_cache() == tmp_path / "named"


@pytest.mark.parametrize("why", ["no home", "no passwd entry"])
def test_without_a_home(temporary: Path, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    if why == "no passwd entry":
        monkeypatch.setattr(Path, "home", no_passwd_entry)
    assert user_cache() == temporary
    assert stat.S_IMODE(temporary.stat().st_mode) == 0o700
    assert user_cache() == temporary


@pytest.mark.parametrize("trap", ["open to all", "a link", "a file"])
def test_what_somebody_else_could_write_is_not_used(temporary: Path, trap: str) -> None:
    if trap == "open to all":
        temporary.mkdir()
        temporary.chmod(0o777)
    elif trap == "a link":
        (temporary.parent / "theirs").mkdir()
        temporary.symlink_to("theirs")
    else:
        temporary.touch()
    with pytest.raises(DeployError) as caught:
        user_cache()
    assert str(temporary) in str(caught.value)
    assert "Name a folder of your own in WAF_BUILDER_CACHE." in str(caught.value)
