"""Where engines that apt got are kept, and which of them is the good one."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from waf_builder.paths import cache_dir


def folder() -> Path:
    """Return the folder of this machine's engines.

    Keyed by the release and the processor: an engine of another release may need a newer libc
    than there is. Scalingo and Heroku name the release in `$STACK`.
    """
    release = os.environ.get("STACK") or codename()
    key = re.sub(r"[^A-Za-z0-9._-]", "_", f"{release}-{platform.machine()}")
    return cache_dir() / "engines" / key


def codename() -> str:
    """Return this distribution's release, such as `bookworm`; `linux` where it says none."""
    try:
        said = platform.freedesktop_os_release()
    except OSError:
        return "linux"
    return said.get("VERSION_CODENAME") or f"{said['ID']}{said.get('VERSION_ID', '')}"


def current(of: Path | None = None) -> Path | None:
    """Return the root of the last good engine, or None.

    It is a link, so that what points into it survives an update.
    """
    root = (of or folder()) / "current"
    return root if (root / "usr/sbin/nginx").is_file() else None
