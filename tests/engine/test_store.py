from __future__ import annotations

import fcntl
import os
import threading
from typing import TYPE_CHECKING

import pytest

from waf_builder.engine import layout, store
from waf_builder.errors import EngineError

if TYPE_CHECKING:
    from pathlib import Path


def engine(of: Path, name: str) -> Path:
    """Publish an engine whose nginx is its name; return the current root."""
    with store.staging(of) as staged:
        nginx = staged / "root" / layout.NGINX
        nginx.parent.mkdir(parents=True)
        nginx.write_text(name)
        return store.publish(staged / "root", of)


def silent(_message: str) -> None:
    pass


def names(of: Path) -> set[str]:
    return {(release / layout.NGINX).read_text() for release in of.glob("engine-*")}


def test_nothing_yet(tmp_path: Path) -> None:
    assert store.current(tmp_path) is None
    assert store.current(tmp_path / "none") is None


def test_a_published_engine_is_current_under_a_name_that_stays(tmp_path: Path) -> None:
    first = engine(tmp_path, "first")
    assert first == store.current(tmp_path) == tmp_path / "current"
    assert engine(tmp_path, "second") == first
    assert (first / layout.NGINX).read_text() == "second"


def test_the_one_before_stays_and_older_ones_go(tmp_path: Path) -> None:
    for name in ("first", "second", "third"):
        engine(tmp_path, name)
    assert names(tmp_path) == {"second", "third"}
    assert list(tmp_path.glob(".staging-*")) == []


def test_what_is_not_published_goes(tmp_path: Path) -> None:
    with store.staging(tmp_path) as staged:
        (staged / "half").touch()
    assert list(tmp_path.iterdir()) == []


def test_the_lock_clears_what_a_kill_left(tmp_path: Path) -> None:
    engine(tmp_path, "good")
    (tmp_path / ".staging-1/root").mkdir(parents=True)
    (tmp_path / ".staging-current").symlink_to("engine-none")
    with store.locked(tmp_path, silent):
        assert {path.name for path in tmp_path.glob(".staging-*")} <= {".staging-current"}
    assert engine(tmp_path, "next") == store.current(tmp_path)


def test_a_second_process_waits_and_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    order: list[str] = []
    waiting = threading.Event()

    def progress(message: str) -> None:
        said.append(message)
        waiting.set()

    def second() -> None:
        with store.locked(tmp_path, progress):
            order.append("second")

    thread = threading.Thread(target=second)
    with (tmp_path / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        thread.start()
        assert waiting.wait(timeout=10)
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "second"]
    assert said == ["waiting for another waf-builder that is getting an engine"]


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError) as caught, store.locked(tmp_path / "file/below", silent):
        pass
    assert str(caught.value) == (
        f"the cache folder {tmp_path}/file/below cannot be written: Not a directory\n"
        "    Name another one in $WAF_BUILDER_CACHE."
    )


def test_each_release_has_its_folder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = os.uname().machine
    assert store.folder() == cache / "engines" / f"{store.codename()}-{machine}"
    monkeypatch.setenv("STACK", "scalingo-24")
    assert store.folder() == cache / "engines" / f"scalingo-24-{machine}"
    monkeypatch.setenv("STACK", "../../etc x")
    assert store.folder() == cache / "engines" / f".._.._etc_x-{machine}"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"ID": "debian", "VERSION_CODENAME": "bookworm"}, "bookworm"),
        ({"ID": "fedora", "VERSION_ID": "44"}, "fedora44"),
        ({"ID": "fedora", "VERSION_CODENAME": "", "VERSION_ID": "44"}, "fedora44"),
        ({"ID": "arch"}, "arch"),
    ],
)
def test_the_name_of_the_release(
    monkeypatch: pytest.MonkeyPatch, said: dict[str, str], name: str
) -> None:
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: said)
    assert store.codename() == name


def test_a_machine_that_does_not_name_its_release(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> dict[str, str]:
        raise FileNotFoundError

    monkeypatch.setattr("platform.freedesktop_os_release", none)
    assert store.codename() == "unknown"
