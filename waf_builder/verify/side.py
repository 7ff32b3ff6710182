"""One of the two: a real nginx with a tree's rules, and a connection that stays open."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from waf_builder.engine.model import Engine
from waf_builder.errors import WafBuilderError
from waf_builder.run.local import local_waf
from waf_builder.run.process import WafProcess, free_port
from waf_builder.verify.compare import Match, Verdict
from waf_builder.verify.record import read, recording
from waf_builder.verify.wire import Request

_ENGINE = "modsecurity/engine.conf"
_LOG = "SecAuditLog /dev/stdout"
_RECORDS = "verify.log"
_TIMEOUT = 20
_PAUSE = 0.002
_TRIES = 3
_NO_BACKEND = frozenset({"502", "504"})


class Side:
    """A running WAF that is asked one request after the other."""

    def __init__(self, port: int, records: Path) -> None:
        self._port = port
        self._records = records
        self._read = 0
        self._connection: socket.socket | None = None
        self._statuses: dict[int, str] = {}

    def send(self, request: Request) -> None:
        """Send a request, on a new connection where the last one was closed."""
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port), _TIMEOUT)
        try:
            self._connection.sendall(request.data)
        except OSError:
            self._close()

    def receive(self, request: Request) -> None:
        """Wait for the answer to it and keep its status; a closed connection is one, too.

        It is sent again where the backend did not answer: that says nothing about rules.
        """
        status = self._answer(request)
        for _ in range(_TRIES):
            if status not in _NO_BACKEND:
                break
            self.send(request)
            status = self._answer(request)
        self._statuses[request.number] = status

    def _answer(self, request: Request) -> str:
        data = b""
        while self._connection is not None and not is_whole(data, request.method):
            try:
                piece = self._connection.recv(65536)
            except ConnectionError:
                piece = b""
            if not piece:
                self._close()
                break
            data += piece
        if b"\r\nConnection: close\r\n" in data:
            self._close()
        return data[9:12].decode("ascii", "replace") or "closed"

    def verdicts(self, last: Request) -> dict[int, Verdict]:
        """Return what was said of each request since this was asked last.

        last: is sent first, and its record awaited: the one worker writes records in order.
        """
        self.send(last)
        self.receive(last)
        records: dict[int, tuple[tuple[Match, ...], str]] = {}
        deadline = time.monotonic() + _TIMEOUT
        with self._records.open("rb") as file:
            file.seek(self._read)
            while last.number not in records and time.monotonic() < deadline:
                while (line := file.readline()).endswith(b"\n"):
                    self._read = file.tell()
                    record = json.loads(line.decode("utf-8", "surrogateescape"))
                    records.update([read(record["transaction"])])
                file.seek(self._read)
                time.sleep(_PAUSE)
        statuses, self._statuses = self._statuses, {}
        del statuses[last.number]
        return {
            number: Verdict(status, *records.get(number, ((), "no record")))
            for number, status in statuses.items()
        }

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def running(tree: Mapping[str, str], scores: str, engine: Engine) -> Iterator[Side]:
    """Start the engine with a tree, one worker and records in a file of their own.

    scores: as in `recording`.
    """
    if _LOG not in tree[_ENGINE]:
        raise WafBuilderError(f"{_ENGINE} does not say `{_LOG}`, which a comparison needs")
    with local_waf(recording(tree, scores), engine) as folder:
        records = folder / _RECORDS
        # The folder is only known now; workers that are not root must not need to open it.
        engine_conf = folder / _ENGINE
        engine_conf.write_text(
            engine_conf.read_text(encoding="utf-8").replace(_LOG, f"SecAuditLog {records}"),
            encoding="utf-8",
        )
        waf = WafProcess(folder, port=free_port(), resolvers=["127.0.0.1"], brake=False)
        with waf:
            side = Side(waf.port, records)
            try:
                yield side
            finally:
                side._close()  # noqa: SLF001


def is_whole(data: bytes, method: str) -> bool:
    """Return whether an answer has come to its end."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    lower = head.lower()
    if method == "HEAD" or head[9:12] in {b"204", b"304"}:
        return True
    if b"\r\ntransfer-encoding: chunked" in lower:
        return body.endswith(b"0\r\n\r\n")
    _, found, length = lower.partition(b"\r\ncontent-length: ")
    return bool(found) and len(body) >= int(length.partition(b"\r\n")[0])
