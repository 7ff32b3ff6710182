"""Running WAFs, shared: one nginx with many routes serves many tests."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import grouping
from support import waf as wafs
from support.backends import Backend, containers
from support.client import HOST
from support.dns import NameServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from support.waf import Waf

    from waf_builder.engine.model import Engine

    Boot = Callable[..., Waf]

SPECS = Path(__file__).parent / "specs"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one file and engine in one worker: most WAFs are then booted once."""
    here = f"{Path(__file__).parent}/"
    for item in items:
        if str(item.path).startswith(here) and grouping.engine_of(item):
            item.add_marker(grouping.by_file_and_engine(item))


@pytest.fixture(scope="session")
def specs() -> Path:
    """Return the folder of the specs that these tests boot."""
    return SPECS


@pytest.fixture(scope="session")
def dns() -> Iterator[NameServer]:
    """The name server that every WAF of these tests resolves with."""
    with NameServer() as server:
        yield server


@pytest.fixture(scope="session")
def trees() -> Iterator[Path]:
    """Return a folder for trees that every user can enter.

    Where root starts nginx, its workers run as nobody, and only root enters pytest's own folders.
    """
    with tempfile.TemporaryDirectory(prefix="waf-builder-tests-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def boot(dns: NameServer, trees: Path) -> Iterator[Boot]:
    """Return a function that boots a spec for an engine and keeps it until the session ends.

    ready: paths whose backends must have been found before it returns.
    """
    running: dict[tuple[str, Path], Waf] = {}
    with contextlib.ExitStack() as stack:

        def once(spec: str, engine: Engine, ready: Sequence[str] = ("/",), host: str = HOST) -> Waf:
            key = (spec, engine.root)
            if key not in running:
                tree = trees / f"waf-{len(running)}"
                wafs.render(spec, tree, engine)
                waf = stack.enter_context(wafs.running(tree, resolver=dns.address))
                for path in ready:
                    waf.await_backend(path, host)
                running[key] = waf
            return running[key]

        yield once


@pytest.fixture(scope="session")
def fleet() -> Iterator[list[Backend]]:
    """Backends on 127.0.1.1 to 127.0.1.3, all on one port."""
    with containers(3) as backends:
        yield backends


@pytest.fixture(scope="session")
def main_spec(dns: NameServer, fleet: list[Backend]) -> str:
    """The spec in specs/main.yaml; its backends have a container of the fleet each."""
    for name, backend in zip(("site", "api", "third"), fleet, strict=True):
        dns.set(f"{name}.internal", backend.name)
    return _spec("main", fleet)


@pytest.fixture(scope="session")
def main_waf(engine: Engine, boot: Boot, main_spec: str) -> Waf:
    """The WAF of specs/main.yaml."""
    return boot(main_spec, engine)


@pytest.fixture
def site(fleet: list[Backend]) -> Backend:
    """The backend of most routes; the whole fleet's record of requests is emptied."""
    for backend in fleet:
        backend.forget()
    return fleet[0]


@pytest.fixture
def waf(main_waf: Waf, site: Backend) -> Waf:
    """The main WAF, before backends that have received nothing yet."""
    return main_waf


def _spec(name: str, backends: list[Backend]) -> str:
    text = (SPECS / f"{name}.yaml").read_text(encoding="utf-8")
    return text.replace("@PORT@", str(backends[0].port))
