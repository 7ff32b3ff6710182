"""A running WAF: a spec rendered by the command, booted by start-waf, its two logs read live."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import warnings
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from click.testing import CliRunner

from support import stuck
from support.client import HOST, Address, Headers, Response, exchange, request
from waf_builder import cli, paths
from waf_builder.engine.link import link
from waf_builder.run.process import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from waf_builder.engine.model import Engine

Line = dict[str, Any]
"""One parsed line of a log."""

NGINX_LINE = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] ")
"""How nginx begins a line of its error log."""

_PATIENCE = 10.0
_marks = itertools.count(1)


def access_line(text: str) -> Line:
    """Return a line of the access log by whole names: `line["http.request.id"]`."""

    def flat(value: Line, before: str = "") -> Line:
        line: Line = {}
        for key, inner in value.items():
            line |= (
                flat(inner, f"{before}{key}.") if isinstance(inner, dict) else {before + key: inner}
            )
        return line

    return flat(json.loads(text))


def mark() -> str:
    """Return a path segment that no other request of this run has, nor begins with."""
    return f"m{os.getpid()}x{next(_marks):05}"


class Log:
    """The lines of a stream as they come in, read by a thread."""

    def __init__(self, stream: IO[str]) -> None:
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    @property
    def lines(self) -> list[str]:
        with self._changed:
            return list(self._lines)

    def wait_for(self, wanted: Callable[[str], bool], timeout: float = _PATIENCE) -> str | None:
        """Return the first line that is as wanted, or None when time or the stream is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or any(map(wanted, self._lines)), timeout)
            return next(filter(wanted, self._lines), None)

    def wait_for_count(self, text: str, count: int, timeout: float = _PATIENCE) -> int:
        """Wait until so many lines hold the text, and return how many do."""

        def found() -> int:
            return sum(text in line for line in self._lines)

        with self._changed:
            self._changed.wait_for(lambda: self._ended or found() >= count, timeout)
            return found()

    def join(self) -> None:
        """Wait for the end of the stream."""
        self._thread.join(timeout=_PATIENCE)

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        stream.close()


@dataclass
class Waf:
    """What a test holds of a running WAF."""

    tree: Path
    address: Address
    process: subprocess.Popen[str]
    stdout: Log = field(init=False)
    stderr: Log = field(init=False)

    def __post_init__(self) -> None:
        assert self.process.stdout
        assert self.process.stderr
        self.stdout, self.stderr = Log(self.process.stdout), Log(self.process.stderr)

    @property
    def url(self) -> str:
        host, port = self.address
        return f"http://{host}:{port}"

    def send(self, data: bytes, *, source: str = "127.0.0.1", timeout: float = 15) -> Response:
        """Send these bytes from this address on a connection of their own."""
        try:
            return exchange(self.address, data, source=source, timeout=timeout)
        except TimeoutError as error:
            streams = {"stdout": self.process.stdout, "stderr": self.process.stderr}
            seen = f"no answer within {timeout:g} s\n{stuck.told(self.process.pid, streams)}"
            # The test may be run again and pass, and what was seen must not be lost then.
            warnings.warn(seen, stacklevel=2)
            raise TimeoutError(seen) from error

    def ask(  # noqa: PLR0913
        self,
        target: str,
        *,
        method: str = "GET",
        host: str = HOST,
        headers: Mapping[str, str] | Headers = (),
        body: bytes | None = None,
        source: str = "127.0.0.1",
        timeout: float = 15,
    ) -> Response:
        """Send a request like a browser's."""
        data = request(target, method=method, host=host, headers=headers, body=body)
        return self.send(data, source=source, timeout=timeout)

    def await_backend(self, path: str, host: str = HOST) -> None:
        """Wait until a path's backend has been found.

        Connections are accepted a moment before the first answer of the name servers is there.
        """
        deadline = time.monotonic() + _PATIENCE
        while (status := self.ask(path, host=host).status) == 502:
            assert time.monotonic() < deadline, f"{path} is still {status}"
            time.sleep(0.01)

    def access(self, wanted: str) -> Line:
        """Return the access line that holds this text; AssertionError when none comes.

        Its keys are whole names: `line["url.path"]`.
        """
        line = self.stderr.wait_for(lambda line: line.startswith("{") and wanted in line)
        assert line, f"no access line with {wanted!r} in:\n" + "\n".join(self.stderr.lines[-20:])
        return access_line(line)

    def access_lines(self) -> list[Line]:
        """Return every access line that has been written."""
        return [access_line(line) for line in self.stderr.lines if line.startswith("{")]

    def audit(self, wanted: str) -> Line:
        """Return the audit record that holds this text; AssertionError when none comes."""
        line = self.stdout.wait_for(lambda line: wanted in line)
        assert line, f"no audit record with {wanted!r} in {len(self.stdout.lines)} records"
        parsed: Line = json.loads(line)["transaction"]
        return parsed

    def rules(self, wanted: str) -> set[int]:
        """Return the ids of the rules that the audit record with this text names."""
        return {int(one["details"]["ruleId"]) for one in self.audit(wanted)["messages"]}

    def has_audit(self, wanted: str) -> bool:
        """Whether a record with this text has been written; asks for one more to be sure.

        True to its word with one worker only: its records then come in the order of requests.
        """
        probe = mark()
        self.ask(f"/{probe}?probe=%3Cscript%3Ealert(1)%3C/script%3E")
        self.audit(probe)
        return any(wanted in line for line in self.stdout.lines)

    def stop(self, how: signal.Signals = signal.SIGTERM, timeout: float = 40) -> int:
        """Signal start-waf and return its exit status once it has ended."""
        self.process.send_signal(how)
        status = self.process.wait(timeout)
        self.stdout.join()
        self.stderr.join()
        return status


def render(spec: str, tree: Path, used: Engine, *options: str) -> str:
    """Render a spec for an engine as a user would, link the engine, return what was printed."""
    source = tree.with_suffix(".yaml")
    source.write_text(spec, encoding="utf-8")
    command = ["render", str(source), "-o", str(tree), "--engine", str(used.root), *options]
    result = CliRunner().invoke(cli.main, command, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    link(used, tree)
    return result.output


@contextlib.contextmanager
def running(
    tree: Path, *, resolver: str, environment: Mapping[str, str] | None = None
) -> Iterator[Waf]:
    """Boot a rendered tree on a free port and end it afterwards."""
    port = free_port()
    variables = {
        **os.environ,
        "PORT": str(port),
        "WAF_ADDRESS": "127.0.0.1",
        "WAF_RESOLVERS": resolver,
        **(environment or {}),
    }
    process = subprocess.Popen(
        ["/bin/sh", paths.start_waf(), tree],
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="surrogateescape",
        start_new_session=True,
    )
    waf = Waf(tree, ("127.0.0.1", port), process)
    try:
        _wait_until_listening(waf)
        yield waf
    finally:
        if process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                waf.stop(signal.SIGQUIT, timeout=5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)


def _wait_until_listening(waf: Waf) -> None:
    for _ in range(200):
        if waf.process.poll() is not None:
            waf.stderr.join()
            raise AssertionError("start-waf ended:\n" + "\n".join(waf.stderr.lines))
        try:
            socket.create_connection(waf.address, timeout=1).close()
        except ConnectionRefusedError:
            threading.Event().wait(0.05)
        else:
            return
    raise AssertionError("nothing listens after 10 s:\n" + "\n".join(waf.stderr.lines))
