"""Where a command keeps what it got, for a user who may have no home."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from waf_builder.deploy.model import DeployError
from waf_builder.paths import cache_dir

_OTHERS_WRITE = 0o022


def user_cache() -> Path:
    """Return a folder that this user can write, and nobody else: for code that will run.

    It is `cache_dir()`; for a user without a home, or with one that cannot be written, a folder
    of this user's own below `$TMPDIR`. DeployError when there is none.
    """
    if chosen := os.environ.get("WAF_BUILDER_CACHE"):
        return Path(chosen).absolute()
    with contextlib.suppress(OSError, RuntimeError):
        usual = cache_dir().absolute()
        usual.mkdir(parents=True, exist_ok=True)
        if os.access(usual, os.W_OK | os.X_OK):
            return usual
    return _below_temporary()


def _below_temporary() -> Path:
    folder = Path(tempfile.gettempdir()) / f"waf-builder-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise DeployError(f"{folder} cannot be written: {error.strerror}.\n\n{_WAY_OUT}") from error
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not own or found.st_mode & _OTHERS_WRITE:
        raise DeployError(f"{folder} is not a folder of this user alone.\n\n{_WAY_OUT}")
    return folder


_WAY_OUT = """\
The libraries that waf-builder needs are kept there, and what somebody else put into it would
run. Name a folder of your own in WAF_BUILDER_CACHE."""
