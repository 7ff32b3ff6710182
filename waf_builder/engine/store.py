"""Where engines that apt got are kept, and which of them is the good one."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from waf_builder.engine import layout
from waf_builder.errors import EngineError
from waf_builder.paths import cache_dir

_CURRENT = "current"
_RELEASE = "engine-"
_STAGING = ".staging-"


def folder() -> Path:
    """Return the folder of this machine's engines.

    Keyed by the release and the processor: an engine of another release may need a newer libc
    than there is. Buildpack platforms name the release in `$STACK`.
    """
    release = os.environ.get("STACK") or codename()
    key = re.sub(r"[^A-Za-z0-9._-]", "_", f"{release}-{platform.machine()}")
    return cache_dir().absolute() / "engines" / key


def codename() -> str:
    """Return this distribution's release, such as `bookworm`; `unknown` where it says none."""
    try:
        said = platform.freedesktop_os_release()
    except OSError:
        return "unknown"
    return said.get("VERSION_CODENAME") or f"{said['ID']}{said.get('VERSION_ID', '')}"


def current(of: Path | None = None) -> Path | None:
    """Return the root of the last good engine, or None.

    It is a link, so that what points into it survives an update.
    """
    root = (of or folder()) / _CURRENT
    return root if (root / layout.NGINX).is_file() else None


@contextlib.contextmanager
def locked(of: Path, progress: Callable[[str], None], what: str = "an engine") -> Iterator[None]:
    """Let one process at a time change the engines in `of`; also clears what a kill left.

    what: is got there, as progress hears it where another process has to be waited for.
    """
    import fcntl
    import shutil

    try:
        of.mkdir(parents=True, exist_ok=True)
        lock = (of / "lock").open("a")
    except OSError as error:
        raise EngineError(
            f"the cache folder {of} cannot be written: {error.strerror}\n"
            "    Name another one in $WAF_BUILDER_CACHE."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(f"waiting for another waf-builder that is getting {what}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in of.glob(f"{_STAGING}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


@contextlib.contextmanager
def staging(of: Path) -> Iterator[Path]:
    """Give a new folder beside the engines; what is not published from it goes away again."""
    import shutil
    import tempfile

    staged = Path(tempfile.mkdtemp(prefix=_STAGING, dir=of))
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def publish(root: Path, of: Path) -> Path:
    """Make root, a folder that `staging` gave or one in it, the current engine; return its root.

    Each step leaves a good engine behind when it is the last one that happens. The engine
    before stays, for processes that run from it; older ones are removed.
    """
    import shutil
    import tempfile

    before = _release(of)
    # mkdtemp finds a free name; rename replaces an empty folder.
    release = Path(tempfile.mkdtemp(prefix=_RELEASE, dir=of))
    root.chmod(0o755)
    root.rename(release)
    link = of / f"{_STAGING}{_CURRENT}"
    link.unlink(missing_ok=True)
    link.symlink_to(release.name)
    link.replace(of / _CURRENT)
    for other in of.glob(f"{_RELEASE}*"):
        if other not in {release, before}:
            shutil.rmtree(other, ignore_errors=True)
    return of / _CURRENT


def _release(of: Path) -> Path | None:
    link = of / _CURRENT
    return of / link.readlink() if link.is_symlink() else None
