"""What a backend answers a request: a page, a redirect, a stream, or nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from support import websocket
from support.client import Message, Stream


@dataclass(frozen=True)
class Received(Message):
    """One request: head and body as sent, `wire_body` with the chunk framing left in.

    `connection` counts the backend's connections from 1, so that reuse can be seen.
    """

    wire_body: bytes = b""
    connection: int = 0

    @property
    def line(self) -> bytes:
        return self.head.split(b"\r\n", 1)[0]

    @property
    def method(self) -> str:
        return self.line.split(b" ")[0].decode()

    @property
    def target(self) -> bytes:
        return self.line.split(b" ")[1]


@dataclass
class Exchange:
    """A request that waits for its answer."""

    request: Received
    socket: socket.socket
    stream: Stream
    name: str
    keep: bool = True

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def respond(
        self, body: bytes, status: str = "200 OK", headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        fields = [*headers, ("Content-Length", str(len(body))), ("X-Backend", self.name)]
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields)]
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        self.send(head if self.request.method == "HEAD" else head + body)


Answer = Callable[[Exchange], None]


def text(
    body: bytes,
    status: str = "200 OK",
    content_type: str = "text/plain",
    headers: Sequence[tuple[str, str]] = (),
) -> Answer:
    """Answer with this body."""
    return lambda exchange: exchange.respond(
        body, status, [("Content-Type", content_type), *headers]
    )


def own_name(exchange: Exchange) -> None:
    """Answer with the backend's name: the default."""
    exchange.respond(exchange.name.encode(), headers=[("Content-Type", "text/plain")])


def redirect(location: str) -> Answer:
    """Answer 302 to this location."""
    return text(b"", "302 Found", headers=[("Location", location)])


def slow(seconds: float, answer: Answer = own_name) -> Answer:
    """Answer after so many seconds."""

    def wait(exchange: Exchange) -> None:
        time.sleep(seconds)
        answer(exchange)

    return wait


def held(until: threading.Event, answer: Answer = own_name) -> Answer:
    """Answer once the event is set, or give up after 30 seconds."""

    def wait(exchange: Exchange) -> None:
        if until.wait(30):
            answer(exchange)
        else:
            exchange.keep = False

    return wait


def hang_up(exchange: Exchange) -> None:
    """Close the connection and say nothing."""
    exchange.keep = False


def events(release: threading.Semaphore, messages: Sequence[bytes]) -> Answer:
    """Stream server-sent events, each only when the semaphore is released."""

    def stream(exchange: Exchange) -> None:
        exchange.keep = False
        exchange.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        for message in messages:
            if not release.acquire(timeout=20):
                return
            event = b"data: %s\n\n" % message
            exchange.send(b"%x\r\n%s\r\n" % (len(event), event))
        exchange.send(b"0\r\n\r\n")

    return stream


def websocket_echo(exchange: Exchange) -> None:
    """Accept an upgrade and send each frame back until the client closes."""
    key = exchange.request.header("Sec-WebSocket-Key")
    if key is None or (exchange.request.header("Upgrade") or "").lower() != "websocket":
        exchange.respond(b"not an upgrade", "426 Upgrade Required")
        return
    exchange.keep = False
    exchange.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: %s\r\n\r\n" % websocket.accept(key).encode()
    )
    while True:
        frame = websocket.decode(exchange.stream.exactly)
        exchange.send(websocket.encode(frame, masked=False))
        if frame.opcode == websocket.CLOSE:
            return
