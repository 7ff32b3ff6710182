"""The shared memory that an engine which only reads a configuration leaves behind."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SEGMENTS: Final = Path("/proc/sysvipc/shm")
"""One line a segment, the names of its columns first: https://man7.org/linux/man-pages/man5/proc_sysvipc.5.html"""


def remove(creator: int) -> None:
    """Remove the segments that the process creator (its id) made and nobody uses any more.

    libmodsecurity before 3.0.13 makes one for its audit log (src/utils/shared_files.cc), and
    `nginx -t` ends without giving it back. Linux has 4,096 of them (kernel.shmmni); when these
    are used up, every such libmodsecurity of the machine goes on without an audit log, in
    silence. Where they cannot be listed or removed, they stay.
    """
    for segment in left_by(creator):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(["ipcrm", "-m", segment], capture_output=True, timeout=5, check=False)  # noqa: S607


def left_by(creator: int) -> Iterator[str]:
    """Yield the ids of the segments that creator made for everybody and that nobody holds."""
    try:
        names, *lines = SEGMENTS.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        segment = dict(zip(names.split(), line.split(), strict=False))
        made = segment.get("cpid"), segment.get("perms"), segment.get("nattch")
        if made == (str(creator), "666", "0"):
            yield segment["shmid"]
