"""Engines for all tests, and an environment in which the user's own settings do not count."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import hypothesis
import pytest
from support import compiling, engines, grouping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from waf_builder.engine.model import Engine

pytest_plugins = ["golden_plugin"]

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("tests", deadline=None)
hypothesis.settings.load_profile("tests")


def pytest_make_parametrize_id(val: object, argname: str) -> None:
    """Refuse a test's name made of compressed data: it holds the time of day.

    The processes of a run would name the test differently, and none of them would run any.
    """
    if isinstance(val, bytes) and val.startswith(b"\x1f\x8b"):
        pytest.fail(f"give {argname} an id: compressed data holds the time", pytrace=False)


def pytest_itemcollected(item: pytest.Item) -> None:
    if item.get_closest_marker("together"):
        item.add_marker(grouping.by_file_and_engine(item))


@pytest.hookimpl(trylast=True)  # after pytest has put those side by side that share something
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is left with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """What has been collected stays, and Python need not look through it again and again."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _own_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WAF_BUILDER_ENGINE", "WAF_BUILDER_CRS", "STACK"):
            patch.delenv(name, raising=False)
        patch.setenv("WAF_BUILDER_CACHE", str(engines.folder() / "cache"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _compiled_rules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "compiled-rules"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        compiling.remember(patch, folder)
        yield


@pytest.fixture(scope="session")
def engine_old(_own_environment: None) -> Engine:
    """This distribution's engine; on Debian 12 nginx 1.22 and libmodsecurity 3.0.9."""
    return engines.or_skip(lambda: engines.old(print))


@pytest.fixture(scope="session")
def engine_new(_own_environment: None) -> Engine:
    """Debian sid's engine, with its own loader: nginx 1.30 or newer."""
    return engines.or_skip(lambda: engines.new(print))


@pytest.fixture(scope="session", params=["old", "new"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn."""
    found: Engine = request.getfixturevalue(f"engine_{request.param}")
    return found
