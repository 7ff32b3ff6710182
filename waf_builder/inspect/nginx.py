"""Requests put to a real nginx with the spec's own configuration, on a loopback port."""

from __future__ import annotations

import http.client
import itertools
import secrets
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, BinaryIO

from waf_builder.config.model import Config
from waf_builder.engine.model import Engine
from waf_builder.inspect.answer import Answer, answer
from waf_builder.inspect.forwarded import forwarded
from waf_builder.inspect.request import BROWSER, HttpRequest
from waf_builder.render.render import Tree
from waf_builder.run.local import local_waf
from waf_builder.run.logs import hear
from waf_builder.run.process import WafProcess, free_port
from waf_builder.run.proof import ATTACK, probes

if TYPE_CHECKING:
    from typing_extensions import Self

BATCH = 200
"""Requests that are under way before their answers are put together."""
BATCH_BYTES = 16 * 1024**2
"""Of their bodies: after so many bytes, a batch is full before."""

_TIMEOUT = 30.0
_LINE = 65536
_FINAL = 200
"""Below are interim answers, such as 100 to `Expect: 100-continue`."""
_PATIENCE = 5.0
"""How long the last audit record of a batch may take to be read, once its line in the access log is
there; exclusions may keep it from coming."""


class NginxJudge:
    """A running WAF that is asked requests; entered, it is there, left, it is gone.

    config, tree: those of a spec `for_inspection`, with backends that always answer.
    """

    def __init__(self, config: Config, tree: Tree, engine: Engine) -> None:
        self._config, self._tree, self._engine = config, tree, engine
        self._stack = ExitStack()
        self._changed = threading.Condition()
        self._access: dict[str, Mapping[str, Any]] = {}
        self._audit: dict[str, Mapping[str, Any]] = {}
        self._mark = f"waf-inspect-{secrets.token_hex(8)}"
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        """Start it and wait until it listens; RunError when it does not."""
        folder = self._stack.enter_context(local_waf(self._tree, self._engine))
        waf = WafProcess(
            folder, port=free_port(), resolvers=["127.0.0.1"], on_line=self._hear, brake=False
        )
        self._port = self._stack.enter_context(waf).port
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._stack.close()

    def judge(self, requests: Iterable[HttpRequest]) -> Iterator[Answer]:
        """Yield the answer to each request, in order; memory is that of one batch."""
        for batch in _batches(requests):
            asked = []
            for request in batch:
                key = f"{self._mark}-{next(self._numbers)}"
                asked.append((key, request, self._ask(request, key)))
            self._await_records(f"{self._mark}-{next(self._numbers)}")
            for key, request, status in asked:
                yield answer(request, status, self._access.pop(key, {}), self._audit.pop(key, {}))

    def _ask(self, request: HttpRequest, key: str) -> int:
        return _status(("127.0.0.1", self._port), forwarded(request, key).wire())

    def _await_records(self, key: str) -> None:
        """Ask for one more record: with one worker, those before it are there when it is."""
        probe = next((one for one in probes(self._config) if one.location.mode != "off"), None)
        if probe is None:
            return
        target = f"{probe.location.path}?x={ATTACK}"
        self._ask(HttpRequest(probe.method, target, (("Host", probe.host), *BROWSER)), key)
        with self._changed:
            # This one always comes; without it, verdicts would be wrong on a busy machine.
            self._changed.wait_for(lambda: key in self._access, timeout=_TIMEOUT)
            self._changed.wait_for(lambda: key in self._audit, timeout=_PATIENCE)
            self._access.pop(key, None)
            self._audit.pop(key, None)

    def _hear(self, line: str) -> None:
        heard = hear(line)
        if heard is None:
            return
        key, log, record = heard
        with self._changed:
            if log == "audit":
                self._audit[key] = record
            elif log == "access":
                self._access[key] = record
            self._changed.notify_all()


def _batches(requests: Iterable[HttpRequest]) -> Iterator[list[HttpRequest]]:
    """Yield requests, so many at a time that their bodies fit into little memory."""
    batch: list[HttpRequest] = []
    size = 0
    for request in requests:
        batch.append(request)
        size += len(request.body)
        if len(batch) == BATCH or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _status(address: tuple[str, int], data: bytes) -> int:
    """Return the status of the answer to a request, 0 when there was none."""
    try:
        with socket.create_connection(address, timeout=_TIMEOUT) as connection:
            connection.sendall(data)
            return _read_status(connection.makefile("rb"))
    except (OSError, http.client.HTTPException):
        return 0


def _read_status(stream: BinaryIO) -> int:
    """Return the status of an answer that is read to its end, also where nothing closes it."""
    while (words := stream.readline(_LINE).split(None, 2)) and len(words) > 1:
        status = int(words[1]) if words[1].isdigit() else 0
        headers = http.client.parse_headers(stream)
        if status >= _FINAL:
            break
    else:
        return 0
    if headers.get("Connection") == "close":
        stream.read()
    elif length := headers.get("Content-Length"):
        stream.read(int(length))
    return status
