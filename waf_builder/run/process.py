"""A published tree as a running process: started, awaited, ended, and nothing left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from waf_builder.errors import WafBuilderError
from waf_builder.paths import start_waf

if TYPE_CHECKING:
    from typing_extensions import Self

START_SECONDS = 30.0
"""How long a start may take; a thousand routes need a few seconds."""

DRAIN_SECONDS = 30.0
"""How long requests in flight may take to end; nginx cuts them after 25 s by itself."""

_REST_SECONDS = 2.0
"""How long nginx may take to end when start-waf was killed; it cuts busy workers after 1 s."""

_LAST_WORDS_SECONDS = 5.0
_PAUSE = 0.02
_ANNOUNCEMENT = "waf: listening on "


class RunError(WafBuilderError):
    """The WAF could not be started; the message has what start-waf and nginx said."""


class WafProcess:
    """One WAF: enter it and it accepts connections, leave it and it is gone.

    tree: what `publish` made, with its `engine/`.
    resolvers: name servers, `ADDRESS` or `ADDRESS:PORT`; None for the machine's own.
    brake: whether WAF_MODE holds, which keeps every route from blocking.
    on_line: called with each line of both logs, from threads of this object.
    """

    def __init__(  # noqa: PLR0913 (each is a choice of whoever starts it)
        self,
        tree: Path,
        *,
        port: int,
        address: str = "127.0.0.1",
        resolvers: Sequence[str] | None = None,
        on_line: Callable[[str], None] | None = None,
        brake: bool = True,
    ) -> None:
        self.tree = tree
        self.address = address
        self.port = port
        self._resolvers = resolvers
        self._brake = brake
        self._on_line = on_line
        self._said: deque[str] = deque(maxlen=20)
        self._announced = threading.Event()
        self._readers: list[threading.Thread] = []
        self._process: subprocess.Popen[str] | None = None
        self._group: int | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout: float = START_SECONDS) -> None:
        """Start the WAF and wait until it accepts connections.

        RunError when the port is taken, when the start fails, or when it takes too long.
        The WAF also ends when the thread that called this does.
        """
        require_free_port(self.address, self.port)
        environment = {**os.environ, "PORT": str(self.port), "WAF_ADDRESS": self.address}
        if self._resolvers is not None:
            environment["WAF_RESOLVERS"] = " ".join(self._resolvers)
        if not self._brake:
            environment.pop("WAF_MODE", None)
        process = subprocess.Popen(
            # Should this process be killed, the WAF ends too instead of keeping the port:
            # https://man7.org/linux/man-pages/man2/prctl.2.html (PR_SET_PDEATHSIG, by thread)
            ["setpriv", "--pdeathsig", "TERM", "/bin/sh", str(start_waf()), str(self.tree)],  # noqa: S607
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            # Ctrl-C is for whoever started this: they decide when the WAF is to end.
            start_new_session=True,
        )
        self._process, self._group = process, None
        try:
            self._read(process.stdout, keep=False)
            self._read(process.stderr, keep=True)
            self._await_listening(process, timeout)
            self._group = self._nginx(process.pid)
        except BaseException:
            self.kill()
            raise

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs; 128 and the signal's number when killed."""
        if self._process is None:
            return None
        status = self._process.poll()
        return 128 - status if status is not None and status < 0 else status

    @property
    def killed_by(self) -> str | None:
        """The name of the signal that ended start-waf itself; None for every other end."""
        if self._process is None or (self._process.poll() or 0) >= 0:
            return None
        return signal.Signals(-self._process.returncode).name

    def ended(self) -> bool:
        """Return whether it has ended, and on_line got all that it said."""
        if self._process is not None and self._process.poll() is None:
            return False
        self._end_rest()
        return True

    def terminate(self) -> None:
        """Ask the WAF to end once the requests in flight are answered, and return at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self, timeout: float = DRAIN_SECONDS) -> int:
        """End the WAF after the requests in flight, and return its exit status."""
        self.terminate()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout)
        return self.kill()

    def kill(self) -> int:
        """End whatever still runs of this WAF, and return its exit status; 0 if it never ran."""
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            _kill_group(self._group or self._nginx(process.pid))
            # Until nginx leads a group of its own, it is of this one.
            _kill_group(process.pid)
            process.wait()
        self._end_rest()
        status = self.status
        return 0 if status is None else status

    def _end_rest(self) -> None:
        """Hear the last words of the WAF, and end what a start-waf that was killed has left.

        As a rule that is nothing: nginx ends with it. Workers whose nginx was killed too do not.
        They hold the logs open, so for as long the number of their group is no other's.
        """
        if self._still_heard(_REST_SECONDS):
            _kill_group(self._group)
            self._still_heard(_LAST_WORDS_SECONDS)

    def _nginx(self, parent: int) -> int | None:
        """Return the id of the nginx that this start-waf started, once it leads its group."""
        for pid in _children(parent):
            with contextlib.suppress(ProcessLookupError):
                if os.getpgid(pid) == pid:
                    return pid
        return None

    def _await_listening(self, process: subprocess.Popen[str], timeout: float) -> None:
        deadline = time.monotonic() + timeout
        # Whoever else answers on the port by now, start-waf announces only its own nginx.
        while not (self._announced.wait(_PAUSE) and self._accepts()):
            if process.poll() is not None:
                self._end_rest()
                raise RunError(self._explain(f"the WAF did not start (status {self.status})"))
            if time.monotonic() > deadline:
                raise RunError(self._explain(f"the WAF did not start within {timeout:g} s"))

    def _accepts(self) -> bool:
        try:
            socket.create_connection((self.address, self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def _explain(self, message: str) -> str:
        said = [f"    {line}" for line in self._said]
        return "\n".join([message, *(said or ["    It said nothing."])])

    def _read(self, stream: IO[str] | None, *, keep: bool) -> None:
        if stream is None:
            return
        reader = threading.Thread(target=self._pass_on, args=(stream, keep), daemon=True)
        self._readers.append(reader)
        reader.start()

    def _still_heard(self, patience: float) -> bool:
        """Return whether anything still holds the logs open after so many seconds."""
        deadline = time.monotonic() + patience
        for reader in self._readers:
            reader.join(max(0.0, deadline - time.monotonic()))
        return any(reader.is_alive() for reader in self._readers)

    def _pass_on(self, stream: IO[str], keep: bool) -> None:
        with stream:
            for ended in stream:
                line = ended.rstrip("\n")
                if keep:
                    self._said.append(line)
                if keep and line.startswith(_ANNOUNCEMENT):
                    self._announced.set()
                if self._on_line is not None:
                    self._on_line(line)


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on, and that the system gives to no connection.

    It chooses ports of outgoing connections, and those for port 0, from 32768 on
    (ip_local_port_range in ip(7)); one of these may be taken before a server is up.
    """
    ports = list(range(20_000, 32_768))
    random.shuffle(ports)  # two that choose at once rarely choose the same
    for port in ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((address, port))
                return port
    raise RunError(f"no port of {address} is free")


def require_free_port(address: str, port: int) -> None:
    """Raise RunError when nothing could listen there, and say why."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As nginx does: connections that have just been closed are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            raise RunError(_why_not(error, where)) from error


def _why_not(error: OSError, where: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"{where} is taken: another program listens there\n"
            "    Choose another port with --port, or end that program."
        )
    if error.errno == errno.EACCES:
        return f"{where} needs root: choose a port from 1024 on with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where} cannot be used: this machine does not have that address"
    return f"{where} cannot be used: {error.strerror or error}"


def _kill_group(leader: int | None) -> None:
    if leader is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)


def _children(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # The name, in parentheses, may hold anything; the parent is the second word after.
            after_name = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            if int(after_name.rpartition(")")[2].split()[1]) == parent:
                found.append(int(entry.name))
    return found
