"""Files that a user wrote, read so that a mistake among them cannot hang or exhaust anything."""

from __future__ import annotations

import stat
from pathlib import Path

from waf_builder.errors import WafBuilderError

MAX_BYTES = 16 * 1024**2
"""Of one file; the whole Core Rule Set, or a spec of 10,000 routes, has 2 MB. More is a mistake."""


def require_file(path: Path) -> None:
    """Raise WafBuilderError for a pipe or a device, which may never end, and for a huge file.

    OSError when it is not there.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise WafBuilderError(f"{path} is not a regular file")
    if found.st_size > MAX_BYTES:
        raise WafBuilderError(f"{path} has more than {MAX_BYTES:,} bytes; no rules need as many")


def read_bounded(path: Path, what: str) -> bytes:
    """Return what stands in a file, of which no more is read than one should have.

    A pipe or a device says nothing of its size. what: the file holds, as the error for a longer one
    has it. OSError when it cannot be read.
    """
    with path.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise WafBuilderError(f"{path} has more than {MAX_BYTES:,} bytes; no {what} as many")
    return data


def read_user_text(path: Path) -> str:
    """Return a file's text.

    UnicodeDecodeError when it is not UTF-8; WafBuilderError when it cannot be read.
    """
    try:
        require_file(path)
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise WafBuilderError(f"{path} cannot be read: {error.strerror}") from None
