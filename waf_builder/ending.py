"""The end of a program by a signal: what it has staged goes, as it does after an error."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the body like an exception, with the status that a shell expects.

    By default they end the program at once, and what it has staged stays behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # What whoever started this told it to ignore, as nohup does, stays ignored.
    minded = [one for one in _SIGNALS if signal.getsignal(one) is not signal.SIG_IGN]
    before = {one: signal.signal(one, _leave) for one in minded}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    # Once is enough: a second one would cut short what the first has begun to remove.
    for one in _SIGNALS:
        signal.signal(one, signal.SIG_IGN)
    raise SystemExit(128 + number)
