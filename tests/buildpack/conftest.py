"""A registry on loopback for every deploy, and a cache as a first deploy leaves it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import deploys, engines
from support.backends import Backend, containers
from support.releases import make_clone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.registry import Network


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of the deployed app in one worker: it is then deployed once."""
    for item in items:
        if "compiled" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("deployed"))


@pytest.fixture(scope="session")
def materials(_own_environment: None) -> deploys.Materials:
    """Real packages and wheels."""
    return engines.or_skip(deploys.materials)


@pytest.fixture(scope="session")
def reach(
    materials: deploys.Materials, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Network]:
    """Where a deploy gets packages from: a registry that has everything."""
    folder = tmp_path_factory.mktemp("registry")
    with deploys.serve(folder / "served", materials) as registry:
        yield registry.network(folder / "settings")


@pytest.fixture(scope="session")
def first_deploy(reach: Network, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The cache after one deploy, never to be written, and the log of that deploy.

    The processes of one test run share it.
    """
    own = tmp_path_factory.getbasetemp()
    base = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "first-deploy"
    with deploys.locked(base):
        log = base / "log"
        if not log.is_file():
            shutil.rmtree(base / "cache", ignore_errors=True)
            shutil.rmtree(base / "app", ignore_errors=True)
            (base / "cache").mkdir()
            build = deploys.compile_app(deploys.app(base / "app"), base / "cache", reach)
            (base / "url").write_text(reach.index)
            log.write_text(build.normal)
        return base, log.read_text()


@pytest.fixture
def cache(first_deploy: tuple[Path, str], tmp_path: Path) -> Path:
    """A warm cache of this test's own."""
    folder = tmp_path / "cache"
    shutil.copytree(first_deploy[0] / "cache", folder, symlinks=True)
    return folder


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    """An app behind the WAF."""
    with containers() as (backend,):
        yield backend


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users can enter, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="waf-deploy-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="session")
def compiled(first_deploy: tuple[Path, str], reach: Network, backend: Backend) -> Iterator[Path]:
    """A deployed app, never to be changed, with four workers whatever the machine has."""
    with tempfile.TemporaryDirectory(prefix="waf-compiled-") as folder:
        base = Path(folder)
        base.chmod(0o755)
        shutil.copytree(first_deploy[0] / "cache", base / "cache", symlinks=True)
        files = {"backend.yaml": deploys.spec(backend.name, workers=4), "index.html": ""}
        build = deploys.app(base / "build", files)
        result = deploys.compile_app(build, base / "cache", reach)
        assert result.status == 0, result.log
        yield build


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of the checkout as it stands."""
    return make_clone(tmp_path_factory.mktemp("clone"))
