"""Serve a published tree in the foreground, until Ctrl-C."""

from __future__ import annotations

import contextlib
import queue
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from waf_builder.run.logs import Narrator
from waf_builder.run.process import WafProcess

_PAUSE = 0.05


def serve(  # noqa: PLR0913 (each is a choice of the command's user)
    tree: Path,
    *,
    address: str,
    port: int,
    resolvers: Sequence[str] | None,
    on_line: Callable[[str], None],
    on_ready: Callable[[], None],
) -> int:
    """Run the WAF until Ctrl-C, SIGTERM or the end of the terminal, and return its exit status.

    on_line gets a line for each request and for whatever else the WAF says; on_ready is called
    once, when it accepts connections. Ctrl-C lets the requests in flight finish, a second one
    ends them. When it returns, nothing of the WAF runs any more, and the tree is as it was.
    RunError when it does not start.
    """
    runtime = tree / "runtime"
    had_runtime = runtime.exists()
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    narrator = Narrator()
    waf = WafProcess(tree, address=address, port=port, resolvers=resolvers, on_line=lines.put)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_all_ends_as_interrupts())
        if not had_runtime:
            stack.callback(shutil.rmtree, runtime, ignore_errors=True)
        stack.callback(waf.kill)
        with contextlib.suppress(KeyboardInterrupt):
            waf.start()
            _tell(lines, 0, narrator, on_line)
            on_ready()
            _follow(waf, lines, narrator, on_line)
            if waf.killed_by:
                on_line(f"waf: error: {waf.killed_by} ended start-waf, expected it to run on")
        with contextlib.suppress(KeyboardInterrupt):
            waf.terminate()
            _follow(waf, lines, narrator, on_line)
        return waf.kill()


def _follow(
    waf: WafProcess,
    lines: queue.SimpleQueue[str],
    narrator: Narrator,
    on_line: Callable[[str], None],
) -> None:
    """Tell what the WAF says until it has ended."""
    while not waf.ended():
        _tell(lines, _PAUSE, narrator, on_line)
    _tell(lines, 0, narrator, on_line)
    for line in narrator.flush():
        on_line(line)


def _tell(
    lines: queue.SimpleQueue[str],
    patience: float,
    narrator: Narrator,
    on_line: Callable[[str], None],
) -> None:
    """Tell what the WAF has said, until it says nothing for so many seconds."""
    with contextlib.suppress(queue.Empty):
        while True:
            for line in narrator.feed(lines.get(timeout=patience)):
                on_line(line)
    for line in narrator.due():
        on_line(line)


@contextlib.contextmanager
def _all_ends_as_interrupts() -> Iterator[None]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does, so that they too leave nothing behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    both = (signal.SIGTERM, signal.SIGHUP)
    before = {one: signal.signal(one, signal.default_int_handler) for one in both}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
