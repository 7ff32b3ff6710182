"""A bounded load on a WAF: the same request again and again, and what came of each."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.client import Address, Connection

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class Sample:
    """One request of a load: when it began (monotonic), how long it took, what came of it."""

    at: float
    seconds: float
    status: int
    body: str
    error: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.error) or self.status != 200


class Load:
    """Keep-alive clients that repeat one request until told to stop; `limit` bounds them all."""

    def __init__(
        self,
        address: Address,
        data: bytes,
        *,
        clients: int = 4,
        pause: float = 0.02,
        limit: int = 20_000,
    ) -> None:
        self._address, self._data, self._pause, self._limit = address, data, pause, limit
        self._samples: list[Sample] = []
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    @property
    def samples(self) -> list[Sample]:
        """Return what has been recorded so far, in order of completion."""
        with self._changed:
            return list(self._samples)

    @property
    def failures(self) -> list[Sample]:
        return [sample for sample in self.samples if sample.failed]

    def since(self, moment: float) -> list[Sample]:
        """Return the samples that began at this monotonic time or later."""
        return [sample for sample in self.samples if sample.at >= moment]

    def wait_for(self, wanted: Callable[[Sample], bool], timeout: float) -> Sample | None:
        """Return the first sample, from now on, that is as wanted, or None when time is up."""
        with self._changed:
            seen = len(self._samples)
            found: list[Sample] = []

            def arrived() -> bool:
                nonlocal seen
                found.extend(filter(wanted, self._samples[seen:]))
                seen = len(self._samples)
                return bool(found)

            self._changed.wait_for(arrived, timeout)
            return found[0] if found else None

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=20)

    def _run(self) -> None:
        connection: Connection | None = None
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                connection = connection or Connection(self._address)
                connection.send(self._data)
                response = connection.read()
                sample = Sample(
                    began, time.monotonic() - began, response.status, response.body.decode()
                )
                keep = (response.header("Connection") or "").lower() != "close"
            except (OSError, EOFError) as error:
                sample = Sample(began, time.monotonic() - began, 0, "", repr(error))
                keep = False
            if connection and not keep:
                connection.socket.close()
                connection = None
            with self._changed:
                self._samples.append(sample)
                self._changed.notify_all()
                if len(self._samples) >= self._limit:
                    break
            self._stopping.wait(self._pause)
        if connection:
            connection.socket.close()
