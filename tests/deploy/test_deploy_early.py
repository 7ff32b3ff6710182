"""pip at work, and the engine that is got at the same time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from waf_builder.deploy import early as room
from waf_builder.deploy.early import EarlyEngine
from waf_builder.deploy.engines import Found, Wish
from waf_builder.deploy.log import Log
from waf_builder.deploy.model import Deploy, DeployError
from waf_builder.deploy.pip import Pip

PATIENCE = 20
NEVER = Path("/nonexistent/file")

PROGRAM = """\
import os, sys, time
from pathlib import Path
here = Path(__file__).parent
(here / "new").write_text(str(os.getpid()))
(here / "new").rename(here / "at-work")
until = time.monotonic() + {patience}
while not Path({awaited!r}).exists() and time.monotonic() < until:
    time.sleep(0.005)
sys.exit(0 if Path({awaited!r}).exists() else "ERROR: nobody came")
"""


def pip_that_awaits(awaited: Path, folder: Path) -> Pip:
    (folder / "pip").write_text(PROGRAM.format(awaited=str(awaited), patience=PATIENCE))
    return Pip(folder, ())


def await_file(file: Path) -> None:
    until = time.monotonic() + PATIENCE
    while not file.exists():
        assert time.monotonic() < until, f"no {file.name}"
        time.sleep(0.005)


def test_pip_is_at_work_meanwhile(tmp_path):
    """Each waits for the other: one after the other, neither would come to an end."""

    def meanwhile() -> None:
        await_file(tmp_path / "at-work")
        (tmp_path / "done").touch()

    pip = pip_that_awaits(tmp_path / "done", tmp_path)
    pip.install(tmp_path / "requirements.txt", tmp_path / "target", meanwhile)


def test_pip_ends_with_what_is_done_meanwhile(tmp_path):
    def meanwhile() -> None:
        await_file(tmp_path / "at-work")
        raise SystemExit(143)  # as a signal has it

    with pytest.raises(SystemExit):
        pip_that_awaits(NEVER, tmp_path).install(
            tmp_path / "requirements.txt", tmp_path / "target", meanwhile
        )
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "at-work").read_text()), 0)


def test_what_pip_says_is_told(tmp_path):
    (tmp_path / "pip").write_text("import sys; sys.exit('ERROR: no such package')")
    with pytest.raises(DeployError, match="  pip: ERROR: no such package"):
        Pip(tmp_path, ()).install(tmp_path / "requirements.txt", tmp_path / "target", None)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[Found | DeployError]:
    """What getting an engine gives, the last first; it says a word before."""
    given: list[Found | DeployError] = []

    def engine_for(_wish, progress):
        progress("getting it")
        got = given.pop()
        if isinstance(got, DeployError):
            raise got
        return got

    monkeypatch.setattr(room, "engine_for", engine_for)
    return given


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def early(lines: list[str]) -> EarlyEngine:
    return EarlyEngine(Wish("trixie"), Log(lines.append))


FOUND = Found(object(), "apt, trixie")  # type: ignore[arg-type]  nobody looks into it


def test_the_engine_is_told_of_when_it_is_its_turn(engines, early, lines):
    engines[:] = [FOUND]
    early.get()
    early.get()
    assert lines == ["       Getting the engine at the same time"]
    assert early.found(lines.append) is FOUND
    assert lines[1:] == ["getting it"]


def test_so_is_that_there_is_none(engines, early, lines):
    """What is wrong with the spec is more to the point, and comes before."""
    engines[:] = [DeployError("There is no engine.")]
    early.get()
    with pytest.raises(DeployError, match="There is no engine"):
        early.found(lines.append)
    assert lines[1:] == ["getting it"]


def test_an_engine_that_was_not_got_is_got(engines, early, lines):
    """Where the libraries are in the cache, there is nothing to do meanwhile."""
    engines[:] = [FOUND]
    assert early.found(lines.append) is FOUND
    assert lines == ["getting it"]


def test_a_lock_is_read_first(tmp_path):
    deploy = Deploy(tmp_path, tmp_path, {})
    assert EarlyEngine.of(deploy, Log(print))
    (tmp_path / "waf.lock").touch()
    assert EarlyEngine.of(deploy, Log(print)) is None
