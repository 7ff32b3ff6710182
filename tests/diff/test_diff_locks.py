"""Where the rules of a lock are found: the cache, the engine that is here, their project."""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from waf_builder.crs.digest import content_digest
from waf_builder.diff.change import Change
from waf_builder.diff.locks import lock_changes, rules_of
from waf_builder.engine.model import Engine
from waf_builder.errors import EngineError
from waf_builder.lock.model import Lock, LockedCrs, LockedEngine, Part, lock_of
from waf_builder.version import Version

VERSION = Version(4, 28, 0)
ZEROS = f"sha256:{'0' * 64}"


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WAF_BUILDER_CACHE", str(tmp_path / "engines"))
    monkeypatch.delenv("WAF_BUILDER_ENGINE", raising=False)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A place that has a release of few rules; its digest."""
    folder = tmp_path / "coreruleset-4.28.0"
    (folder / "rules").mkdir(parents=True)
    file = folder / "rules" / "REQUEST-901-INITIALIZATION.conf"
    file.write_text(f'SecComponentSignature "OWASP_CRS/{VERSION}"\n')
    served = tmp_path / "served"
    served.mkdir()
    with tarfile.open(served / f"v{VERSION}.tar.gz", "w:gz") as archive:
        archive.add(folder, folder.name)
    handler = partial(_Quiet, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("WAF_BUILDER_CRS_URL", f"http://127.0.0.1:{server.server_port}")
        yield content_digest(folder)
        server.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def lock(version: Version | None, digest: str | None) -> Lock:
    return Lock(crs=LockedCrs(version, digest), file="x/waf.lock")


def test_they_are_got_from_their_project_and_kept(project: str, tmp_path: Path):
    told: list[str] = []
    found = rules_of(lock(VERSION, project), None, tmp_path / "cache", told.append)
    assert found.version == VERSION
    assert len(told) == 1
    again = rules_of(lock(VERSION, project), None, tmp_path / "cache", told.append)
    assert (again, len(told)) == (found, 1)


def test_others_than_the_locked_ones_are_not_taken(project: str, tmp_path: Path):
    with pytest.raises(EngineError) as error:
        rules_of(lock(VERSION, ZEROS), None, tmp_path / "cache", lambda _line: None)
    assert "Core Rule Set 4.28.0 of x/waf.lock cannot be had: " in str(error.value)
    assert "is not the Core Rule Set 4.28.0 that is pinned" in str(error.value)
    assert "Unpack both releases and compare their folders" in str(error.value)


def test_a_lock_without_rules(tmp_path: Path):
    with pytest.raises(EngineError, match=r"x/waf\.lock names no Core Rule Set"):
        rules_of(lock(None, None), None, tmp_path, lambda _line: None)


@pytest.mark.nginx
@pytest.mark.parametrize("whole", [True, False])
def test_the_engines_own(engine: Engine, tmp_path: Path, whole: bool):
    assert engine.crs
    locked = lock_of(engine, engine.crs, "0.1.0")
    if not whole:
        locked = lock(engine.crs.version, content_digest(engine.crs.folder))
    found = rules_of(locked, str(engine.root), tmp_path / "cache", lambda _line: None)
    assert found == engine.crs


def test_each_part_is_compared():
    old = Lock(
        "0.1.0",
        LockedEngine("apt", "trixie", nginx=Part(Version(1, 26, 3), ZEROS), archives={"a": "1"}),
        LockedCrs(Version(4, 25, 1)),
    )
    new = Lock(
        "0.1.0",
        LockedEngine("platform", "trixie", nginx=Part(Version(1, 30, 6)), archives={"a": "2"}),
        LockedCrs(VERSION),
    )
    assert list(lock_changes(old, new)) == [
        Change("engine", ("apt",), ("platform",)),
        Change("nginx", ("1.26.3",), ("1.30.6",)),
        Change("nginx, digest", (ZEROS,), ()),
        Change("Core Rule Set", ("4.25.1",), ("4.28.0",)),
        Change("a", ("1",), ("2",)),
    ]
    assert list(lock_changes(new, new)) == []
