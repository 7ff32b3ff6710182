"""A name server, and an examination whose environment is the test's alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from support.dns import NameServer

from waf_builder.doctor.here import Here

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def names() -> Iterator[NameServer]:
    with NameServer() as server:
        yield server


@pytest.fixture
def here(tmp_path: Path) -> Callable[..., Here]:
    """Return a machine with two cores, no limits, and these variables."""

    def make(**environ: str) -> Here:
        return Here(environ, cores=2, cgroup=tmp_path / "cgroup", deadline=time.monotonic() + 10)

    return make
