"""HTTP/1.1 over raw sockets: exact bytes out, exact bytes back."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

Address = tuple[str, int]
Headers = Sequence[tuple[str, str]]

HOST = "waf.test"
BROWSER = (
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("Accept", "*/*"),
)
"""What an ordinary client sends; the Core Rule Set scores requests that lack it."""

_BLOCK = 1 << 16


class Stream:
    """Buffered reads from a socket; EOFError when it ends too early."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._buffer = bytearray()

    def until(self, mark: bytes) -> bytes:
        """Return everything up to and including the mark."""
        start = 0
        while (end := self._buffer.find(mark, start)) < 0:
            start = max(0, len(self._buffer) - len(mark))
            self._fill()
        return self._take(end + len(mark))

    def exactly(self, count: int) -> bytes:
        """Return so many bytes."""
        while len(self._buffer) < count:
            self._fill()
        return self._take(count)

    def to_end(self) -> bytes:
        """Return everything until the other side closes."""
        with contextlib.suppress(EOFError):
            while True:
                self._fill()
        return self._take(len(self._buffer))

    def chunked(self) -> tuple[bytes, bytes]:
        """Return a chunked body as it came and as it is meant."""
        raw, body = bytearray(), bytearray()
        while True:
            line = self.until(b"\r\n")
            size = int(line.split(b";")[0], 16)
            raw += line
            if not size:
                break
            chunk = self.exactly(size + 2)
            raw += chunk
            body += chunk[:-2]
        while (trailer := self.until(b"\r\n")) != b"\r\n":
            raw += trailer
        return bytes(raw + b"\r\n"), bytes(body)

    def _fill(self) -> None:
        block = self._socket.recv(_BLOCK)
        if not block:
            raise EOFError(f"closed after {bytes(self._buffer[:80])!r}")
        self._buffer += block

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


def parse_headers(head: bytes) -> tuple[tuple[str, str], ...]:
    """Return the header fields of a head that starts with its first line."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return tuple((name, value.strip()) for name, _, value in pairs)


@dataclass(frozen=True)
class Message:
    """What requests and responses have in common: a head, kept byte for byte, and a body."""

    head: bytes
    body: bytes = b""

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return parse_headers(self.head)

    def header(self, name: str) -> str | None:
        """Return the header's only value, or None; two of a kind are an error."""
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} came {len(values)} times: {values}")
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass(frozen=True)
class Response(Message):
    """A response; `interim` are the 1xx statuses that came before it."""

    interim: tuple[int, ...] = ()

    @property
    def status(self) -> int:
        return int(self.head.split(b" ", 2)[1])

    @property
    def text(self) -> str:
        return self.body.decode()


def request(  # noqa: PLR0913
    target: str = "/",
    *,
    method: str = "GET",
    host: str = HOST,
    headers: Mapping[str, str] | Headers = (),
    body: bytes | None = None,
    chunks: Iterable[bytes] | None = None,
) -> bytes:
    """Return a request's bytes, a browser's in all that is not said."""
    given = list(headers.items() if isinstance(headers, Mapping) else headers)
    names = {name.lower() for name, _ in given}
    fields = [("Host", host), *(pair for pair in BROWSER if pair[0].lower() not in names), *given]
    payload = body or b""
    if chunks is not None:
        fields.append(("Transfer-Encoding", "chunked"))
        framed = (b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
        payload = b"".join(framed) + b"0\r\n\r\n"
    elif body is not None and "content-length" not in names:
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + payload


class Connection:
    """One TCP connection to a server; source is the address it comes from."""

    def __init__(self, address: Address, *, source: str = "127.0.0.1", timeout: float = 15) -> None:
        self.socket = socket.create_connection(address, timeout, source_address=(source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = Stream(self.socket)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read_head(self) -> Response:
        """Return the next head, 1xx too, and leave the body unread."""
        return Response(self.stream.until(b"\r\n\r\n"))

    def read(self, method: str = "GET") -> Response:
        """Return the next final response, the one to a request of this method."""
        interim: list[int] = []
        while 100 <= (response := self.read_head()).status < 200:
            interim.append(response.status)
        response = replace(response, interim=tuple(interim))
        if method == "HEAD" or response.status in {204, 304}:
            return response
        if response.header("Transfer-Encoding") == "chunked":
            return replace(response, body=self.stream.chunked()[1])
        if (length := response.header("Content-Length")) is not None:
            return replace(response, body=self.stream.exactly(int(length)))
        return replace(response, body=self.stream.to_end())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def exchange(
    address: Address, data: bytes, *, source: str = "127.0.0.1", timeout: float = 15
) -> Response:
    """Send a request on a connection of its own and return the response."""
    method = data.split(b" ", 1)[0].decode()
    with Connection(address, source=source, timeout=timeout) as connection:
        # A server that refuses a large body answers and closes while it is still being sent.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send(data)
        return connection.read(method)
