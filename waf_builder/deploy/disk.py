"""A disk that is full or not ours, however deep in a program it is noticed, is one thing to say."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waf_builder.deploy.model import DeployError
from waf_builder.errors import WafBuilderError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SAID = ("No space left on device", "enough free space", "Disk quota exceeded")
"""As libc and apt say it; copying a folder (shutil.Error) keeps only the text."""


_NEEDED = 64 * 1024**2
"""Bytes: package lists 20-40 MB, libraries 12 MB, packages up to 15 MB."""


@contextmanager
def disk_explained() -> Iterator[None]:
    """Raise DeployError for whatever fails in the body because of a disk."""
    try:
        yield
    except (OSError, WafBuilderError) as error:
        if _is_full(error):
            raise DeployError(_EXPLAINED) from error
        if not isinstance(error, OSError) or error.filename is None:
            raise
        raise DeployError(
            f"A file of this deploy cannot be used: {error.strerror}.\n\n"
            f"  {error.filename}\n\n{_NOT_OURS}"
        ) from error


def require_space(cache: Path) -> None:
    """Raise DeployError when the cache's disk has too little room.

    It is asked beforehand, because `apt-get update` does not end on a full disk.
    """
    if shutil.disk_usage(cache).free < _NEEDED:
        raise DeployError(_EXPLAINED)


_EXPLAINED = """\
The disk is full.

The engine, its libraries and the package lists need about 100 MB in the deployment cache,
and the engine up to 50 MB in the app. A cache that has grown can be the cause: empty it with
'scalingo deployment-delete-cache', then deploy again. What was deployed last keeps running."""


_NOT_OURS = """\
Whoever runs a deploy has to be able to write the app's folder, the deployment cache and
$TMPDIR. What was deployed last keeps running."""


def _is_full(error: OSError | WafBuilderError) -> bool:
    said = str(error)
    return getattr(error, "errno", None) in _FULL or any(text in said for text in _SAID)
