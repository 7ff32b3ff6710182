"""What a WAF was doing while a client waited in vain: for whoever reads the failure."""

from __future__ import annotations

import contextlib
import fcntl
import struct
import sys
import termios
import threading
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING

from support.tree import descendants

if TYPE_CHECKING:
    from collections.abc import Iterator

_READ = ("status", "wchan", "syscall")
_DEEP = 3


def told(pid: int, streams: dict[str, IO[str]]) -> str:
    """Return what each process below pid waits for, what nobody has read, and our threads."""
    return "\n".join([*_processes(pid), *_unread(streams), *_threads()])


def _processes(pid: int) -> Iterator[str]:
    for one in (pid, *descendants(pid)):
        said = {}
        for name in _READ:
            with contextlib.suppress(OSError):
                said[name] = (Path("/proc") / str(one) / name).read_text().strip()
        lines = said.pop("status", "").splitlines()
        kept = [line for line in lines if line.startswith(("Name:", "State:", "SigPnd:"))]
        yield f"{one}: {' '.join(kept)} {said}".replace("\t", " ")


def _unread(streams: dict[str, IO[str]]) -> Iterator[str]:
    for name, stream in streams.items():
        with contextlib.suppress(OSError, ValueError):
            (count,) = struct.unpack("i", fcntl.ioctl(stream, termios.FIONREAD, b"\0" * 4))
            yield f"{name}: {count} bytes that nobody has read"


def _threads() -> Iterator[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        stack = traceback.extract_stack(frame)[-_DEEP:]
        where = " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(stack))
        yield f"thread {names.get(ident, ident)}: {where}"
