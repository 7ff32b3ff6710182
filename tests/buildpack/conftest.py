"""A registry on loopback for every deploy, and a cache as a first deploy leaves it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from support import deploys, engines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.registry import Network


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
    base = tmp_path_factory.getbasetemp().parent / "first-deploy"
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
