"""jemalloc, the memory allocator that nginx is started with where the engine came with it.

It is an extra: an engine without it does the same, for more CPU and more memory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from waf_builder.engine import layout, store
from waf_builder.engine.model import Start
from waf_builder.engine.packages import BRIEF
from waf_builder.engine.probe import nginx_and_module
from waf_builder.engine.single import unpack_package
from waf_builder.engine.smoke import smoke_test
from waf_builder.errors import EngineError
from waf_builder.version import Version

PACKAGE = "libjemalloc2"
"""Debian's and Ubuntu's."""

WITHOUT = "going on without jemalloc, which only makes nginx leaner"
"""How the line begins that tells of an engine which has to do without."""

_ADVERTISED = re.compile(rb"\0(\d+\.\d+\.\d+)-\d+-g[0-9a-f]{40}\0")
"""What mallctl("version") says: the release, and the commit that it was made from."""


def version_of(jemalloc: Path) -> Version | None:
    """Return the release that a library says it is; None when it says none."""
    said = _ADVERTISED.search(jemalloc.read_bytes())
    return Version.parse(said[1].decode()) if said else None


def prove(root: Path) -> None:
    """Send real requests through the engine in root, with its jemalloc if it has one.

    EngineError when it does not protect.
    """
    _smoke_test(root, Start(root / layout.NGINX, layout.loader(root), layout.library_path(root)))


def drop(root: Path) -> bool:
    """Remove jemalloc from an engine; False when there was none."""
    jemalloc = layout.allocator(layout.library_path(root))
    if jemalloc is not None:
        jemalloc.unlink()
    return jemalloc is not None


def add(root: Path, progress: Callable[[str], None]) -> None:
    """Put the distribution's jemalloc into a kept engine that has none, if it can be had.

    root: the current engine of a folder of engines. progress: gets a line before it takes time,
    and one that begins with WITHOUT when there is no jemalloc, or when nginx does not work with it.
    """
    if layout.allocator(layout.library_path(root)):
        return
    try:
        with store.locked(root.parent, progress), store.staging(root.parent) as staged:
            progress(f"getting jemalloc: the package {PACKAGE} of {store.codename()}")
            unpacked = unpack_package(PACKAGE, staged, patience=BRIEF)
            _place(root, layout.library_path(unpacked))
    except (EngineError, OSError) as error:
        progress(f"{WITHOUT}: {str(error).splitlines()[0]}")


def _place(root: Path, got: tuple[Path, ...]) -> None:
    jemalloc = layout.allocator(got)
    if jemalloc is None:
        raise EngineError(f"the package {PACKAGE} holds no {layout.JEMALLOC}")
    own = layout.library_path(root)
    _smoke_test(root, Start(root / layout.NGINX, layout.loader(root), (*own, jemalloc.parent)))
    os.replace(jemalloc.resolve(), own[0] / layout.JEMALLOC)  # noqa: PTH105  a link's file, by its name


def _smoke_test(root: Path, start: Start) -> None:
    _version, module = nginx_and_module(root, start)
    preload = layout.JEMALLOC if layout.allocator(start.library_path) else None
    smoke_test(replace(start, preload=preload), module)
