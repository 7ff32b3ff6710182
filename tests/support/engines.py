"""Two generations of real engines, got once and kept: `python -m tests.support.engines`.

old: what this distribution's package sources have, unpacked by the rootless apt of the package.
new: Debian sid's, in a folder with a C library and a loader of its own, so that it runs on
whatever older system this is.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest

from waf_builder.crs.installed import InstalledCrs
from waf_builder.crs.needs import too_old_for
from waf_builder.engine import allocator, apt, store
from waf_builder.engine.find import find
from waf_builder.engine.model import Engine
from waf_builder.engine.packages import Apt, private_status
from waf_builder.errors import EngineError
from waf_builder.version import Version

if TYPE_CHECKING:
    from collections.abc import Callable

NEWEST = Engine(
    root=Path("/"),
    nginx=Path("/usr/sbin/nginx"),
    module=Path("/usr/lib/nginx/modules/ngx_http_modsecurity_module.so"),
    loader=None,
    library_path=(),
    unicode_map=Path("/etc/nginx/unicode.mapping"),
    crs=InstalledCrs(Path("/usr/share/modsecurity-crs"), Version(4, 28, 0)),
    nginx_version=Version(1, 30, 6),
    modsecurity_version=Version(3, 0, 17),
    connector_version=Version(1, 0, 4),
)
"""An installed engine of the newest versions, for tests that start nothing: it does not exist."""

T = TypeVar("T")

_CHECKOUT = Path(__file__).parents[2]
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_NOTHING_MATCHES = re.compile(r"(?!)")


def folder() -> Path:
    """Return where the engines are kept: `$WAF_BUILDER_TEST_CACHE`, else below the checkout."""
    return Path(os.environ.get("WAF_BUILDER_TEST_CACHE") or _CHECKOUT / ".cache/engines").absolute()


def old(progress: Callable[[str], None]) -> Engine:
    """Return this distribution's engine; EngineError when it cannot be had."""
    of = folder() / "old"
    return find(str(apt.get(progress, of=of, refresh=_outdated(of))))


def new(progress: Callable[[str], None]) -> Engine:
    """Return Debian sid's engine, with its own loader; EngineError when it cannot be had."""
    of = folder() / "new"
    with store.locked(of, progress):
        root = store.current(of)
        if root is None or _outdated(of):
            root = apt.fetch(sid(of / "apt"), of, progress, release="sid", libc=True)
    return find(str(root))


def _outdated(of: Path) -> bool:
    """Return whether the engine that is kept was got before jemalloc came along."""
    root = store.current(of)
    return root is not None and allocator.PACKAGE not in (root / "packages.txt").read_text()


def or_skip(get: Callable[[], T]) -> T:
    """Return what get returns; where it cannot be had, skip the test, or fail it in CI."""
    try:
        return get()
    except EngineError as error:
        if os.environ.get("CI"):
            pytest.fail(f"CI must test a real engine: {error}", pytrace=False)
        pytest.skip(f"no engine: {error}")


def sid(below: Path) -> Apt:
    """Return an apt session on sid, from the archive this machine takes its packages from."""
    below.mkdir(parents=True, exist_ok=True)
    sources = below / "sid.list"
    signed = f"[signed-by={_KEYRING}] " if _KEYRING.is_file() else ""
    sources.write_text(f"deb {signed}{_archive()} sid main\n")
    # Nothing counts as installed, so the C library comes along.
    status = private_status("", without=_NOTHING_MATCHES, placeholders=apt.NEEDLESS)
    settings = {
        "Dir::Etc::sourcelist": str(sources),
        "Dir::Etc::sourceparts": "/dev/null",
        # A mirror that stands still serves the tests as well.
        "Acquire::Check-Valid-Until": "false",
    }
    return Apt(below, status, settings)


def _archive() -> str:
    """Return the address of the distribution's archive, as this machine's apt knows it."""
    try:
        run = subprocess.run(
            ["apt-get", "--print-uris", "-o", "Debug::NoLocking=true", "update"],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except OSError as error:
        raise EngineError(f"no sid without apt: {error}") from error
    found = re.search(rf"'([^']+)/dists/{re.escape(store.codename())}/", run.stdout)
    if found is None:
        raise EngineError(f"apt does not know where {store.codename()} comes from: {run.stderr}")
    return found[1]


def with_rules(engine: Engine, folder: str) -> Engine:
    """Return an engine with the rule set of a folder; the test is skipped where it is too old."""
    found = find(str(engine.root), folder)
    assert found.crs
    if pair := too_old_for(found.crs.version, engine.modsecurity_version):
        pytest.skip(f"Core Rule Set {found.crs.version} needs libmodsecurity {pair.needs}")
    return found


def main() -> None:
    """Get both engines, showing progress."""
    began = time.monotonic()

    def progress(message: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:6.1f} s  {message}\n")
        sys.stdout.flush()

    for name, get in (("old", old), ("new", new)):
        engine = get(progress)
        progress(
            f"{name}: nginx {engine.nginx_version}, libmodsecurity {engine.modsecurity_version},"
            f" Core Rule Set {engine.crs and engine.crs.version}, in {engine.root}"
        )


if __name__ == "__main__":
    main()
