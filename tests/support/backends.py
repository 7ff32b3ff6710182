"""Recording HTTP/1.1 backends on loopback: they keep what arrived, byte for byte."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

from support.answers import Answer, Exchange, Received, own_name
from support.client import Message, Stream


class Backend:
    """One container: an address and port, with answers by the start of the request's target."""

    def __init__(self, address: str, port: int) -> None:
        self.name, self.port = address, port
        self._answers: list[tuple[bytes, Answer]] = []
        self._received: list[Received] = []
        self._connections = 0
        self._changed = threading.Condition()
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def on(self, target: str, answer: Answer) -> None:
        """Answer requests whose target starts so; the longest start wins."""
        with self._changed:
            self._answers.append((target.encode(), answer))
            self._answers.sort(key=lambda pair: len(pair[0]))

    def start(self) -> None:
        self._listener = _listen(self.name, self.port)
        self.port = self._listener.getsockname()[1]
        self._spawn(self._accept, self._listener)

    def stop(self) -> None:
        """Die: the port is refused and every open connection is cut."""
        if self._listener is None:
            return
        listener, self._listener = self._listener, None
        _cut(listener)
        with self._changed:
            cut, threads = list(self._open), list(self._threads)
            self._threads.clear()
        for sock in cut:
            _cut(sock)
        for thread in threads:
            thread.join(timeout=5)

    def forget(self) -> None:
        """Start counting afresh."""
        with self._changed:
            self._received.clear()
            self._connections = 0

    @property
    def connections(self) -> int:
        """How many connections have been accepted."""
        with self._changed:
            return self._connections

    def received(self, target: str = "") -> list[Received]:
        """Return the requests whose target starts so, in order of arrival."""
        with self._changed:
            return [one for one in self._received if one.target.startswith(target.encode())]

    def only(self, target: str) -> Received:
        """Return the one request whose target starts so."""
        (one,) = self.received(target)
        return one

    def wait_for(self, target: str, count: int = 1, timeout: float = 10) -> list[Received]:
        """Wait until so many requests have come in, and return them."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.received(target)) >= count, timeout):
                raise AssertionError(f"{self.name} got {len(self.received(target))} of {count}")
            return self.received(target)

    def _spawn(self, run: Callable[[socket.socket], None], sock: socket.socket) -> None:
        thread = threading.Thread(target=run, args=(sock,), daemon=True)
        with self._changed:
            self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._changed:
                if self._listener is not listener:
                    sock.close()
                    return
                self._open.add(sock)
            self._spawn(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with self._changed:
            self._connections += 1
            number = self._connections
        stream = Stream(sock)
        with contextlib.suppress(OSError, EOFError), sock:
            keep = True
            while keep:
                received = self._read(stream, number)
                with self._changed:
                    self._received.append(received)
                    self._changed.notify_all()
                    matching = [
                        answer
                        for start, answer in self._answers
                        if received.target.startswith(start)
                    ]
                exchange = Exchange(received, sock, stream, self.name)
                (matching or [own_name])[-1](exchange)
                closing = (received.header("Connection") or "").lower() == "close"
                keep = exchange.keep and not closing
        with self._changed:
            self._open.discard(sock)

    def _read(self, stream: Stream, number: int) -> Received:
        head = stream.until(b"\r\n\r\n")
        message = Message(head)
        if message.header("Transfer-Encoding") == "chunked":
            wire, body = stream.chunked()
        else:
            wire = body = stream.exactly(int(message.header("Content-Length") or 0))
        return Received(head, body, wire, number)


@contextlib.contextmanager
def containers(count: int = 1) -> Iterator[list[Backend]]:
    """Run so many backends on 127.0.1.1, 127.0.1.2, ..., all on one free port."""
    backends = _on_one_port(count)
    try:
        yield backends
    finally:
        for backend in backends:
            backend.stop()


@contextlib.contextmanager
def unreachable(address: str, port: int) -> Iterator[None]:
    """Make connecting to the address hang, as to a container that is gone from the network."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listen(address, port, backlog=0))
        full = False
        while not full:  # nobody accepts, so at some point a SYN is no longer answered
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0.2)
            try:
                filler.connect(listener.getsockname())
            except TimeoutError:
                full = True
        yield


def _on_one_port(count: int) -> list[Backend]:
    deadline = time.monotonic() + 5
    while True:
        backends = [Backend(f"127.0.1.{number + 1}", 0) for number in range(count)]
        try:
            for backend in backends:
                backend.port = backends[0].port
                backend.start()
        except OSError:
            for backend in backends:
                backend.stop()
            if time.monotonic() > deadline:
                raise
        else:
            return backends


def _listen(address: str, port: int, backlog: int = 512) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError:
        listener.close()
        raise
    listener.listen(backlog)
    return listener


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
