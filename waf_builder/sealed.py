"""Files that are kept between runs and never trusted: damaged or of another key, they are none.

A file's first line names the key and the digest of what follows.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path


def read(file: Path, key: str) -> bytes | None:
    """Return what was written to file under a key; None when there is nothing that can be used."""
    try:
        first, _, data = file.read_bytes().partition(b"\n")
    except OSError:
        return None
    return data if first == seal(key, data) else None


def write(file: Path, key: str, data: bytes, *, most: int) -> None:
    """Write data under a key, whole or not at all; a folder that cannot be written is no error.

    most: how many files of the kind stay in the folder, the latest.
    """
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name[:8]}-")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(seal(key, data) + b"\n" + data)
            Path(name).replace(file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        kind = file.parent.glob(f"*{file.suffix}")
        for old in sorted(kind, key=lambda path: path.stat().st_mtime, reverse=True)[most:]:
            old.unlink(missing_ok=True)


def seal(key: str, data: bytes) -> bytes:
    """Return the first line of a file that holds data under a key."""
    return f"waf-builder {key} {hashlib.sha256(data).hexdigest()}".encode("ascii")
