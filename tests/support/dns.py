"""A name server on loopback whose answers a test can change at any moment."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from dnslib import AAAA, QTYPE, RCODE, RR, A, DNSRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

TTL = 5
"""Seconds; what the platform's private network gives its records, unchangeable."""

_POLL = 0.05


class NameServer:
    """Answers A and AAAA queries over UDP and TCP, in threads of its own.

    A name that nobody set is NXDOMAIN. AAAA of a known name is NODATA unless `set_ipv6` says
    otherwise. All methods may be called from any thread while it serves.
    """

    def __init__(self, ttl: int = TTL) -> None:
        self.ttl = ttl
        self._records: dict[str, tuple[str, ...]] = {}
        self._ipv6: dict[str, tuple[str, ...] | str] = {}
        self._silent: set[str] = set()
        self._all_silent = False
        self._queries: Counter[tuple[str, str]] = Counter()
        self._answered = threading.Condition()
        self._stopping = threading.Event()
        self._udp, self._tcp = _same_port()
        self._threads = [
            threading.Thread(target=self._serve_udp, daemon=True),
            threading.Thread(target=self._serve_tcp, daemon=True),
        ]

    @property
    def address(self) -> str:
        """`127.0.0.1:PORT`, as nginx's `resolver` takes it."""
        host, port = self._udp.getsockname()
        return f"{host}:{port}"

    def set(self, name: str, *addresses: str) -> None:
        """Serve these A records for the name from now on; none at all is NODATA."""
        with self._answered:
            self._records[_key(name)] = addresses

    def remove(self, name: str) -> None:
        """Make the name NXDOMAIN."""
        with self._answered:
            self._records.pop(_key(name), None)

    def set_ipv6(self, name: str, answer: tuple[str, ...] | str) -> None:
        """Answer AAAA with addresses, or with `servfail`, `nxdomain` or `drop`."""
        with self._answered:
            self._ipv6[_key(name)] = answer

    @contextlib.contextmanager
    def silence(self, *names: str) -> Iterator[None]:
        """Drop the queries for these names, or for all when none is given, while inside."""
        keys = {_key(name) for name in names}
        with self._answered:
            self._silent |= keys
            self._all_silent = not names
        try:
            yield
        finally:
            with self._answered:
                self._silent -= keys
                self._all_silent = False

    def queries(self, name: str, kind: str = "A") -> int:
        """Return how many queries for the name have come in, dropped ones too."""
        with self._answered:
            return self._queries[_key(name), kind]

    def wait_for_query(self, name: str, *, more_than: int, timeout: float) -> bool:
        """Wait until more than so many A queries for the name have come in."""
        with self._answered:
            return self._answered.wait_for(
                lambda: self._queries[_key(name), "A"] > more_than, timeout
            )

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(timeout=5)
        self._udp.close()
        self._tcp.close()

    def _serve_udp(self) -> None:
        self._udp.settimeout(_POLL)
        while not self._stopping.is_set():
            try:
                query, client = self._udp.recvfrom(4096)
            except TimeoutError:
                continue
            except OSError:  # a client that is gone: its ICMP error surfaces here
                continue
            if reply := self._reply(query):
                with contextlib.suppress(OSError):
                    self._udp.sendto(reply, client)

    def _serve_tcp(self) -> None:
        self._tcp.settimeout(_POLL)
        while not self._stopping.is_set():
            try:
                client, _ = self._tcp.accept()
            except OSError:
                continue
            with client, contextlib.suppress(OSError):
                client.settimeout(2)
                length = int.from_bytes(_exactly(client, 2), "big")
                if reply := self._reply(_exactly(client, length)):
                    client.sendall(len(reply).to_bytes(2, "big") + reply)

    def _reply(self, packet: bytes) -> bytes | None:
        query = DNSRecord.parse(packet)
        name, kind = _key(str(query.q.qname)), QTYPE[query.q.qtype]
        reply = query.reply()
        with self._answered:
            self._queries[name, kind] += 1
            self._answered.notify_all()
            if self._all_silent or name in self._silent:
                return None
            addresses, ipv6 = self._records.get(name), self._ipv6.get(name, ())
        if kind == "AAAA" and isinstance(ipv6, str):
            if ipv6 == "drop":
                return None
            reply.header.rcode = getattr(RCODE, ipv6.upper())
        elif addresses is None:
            reply.header.rcode = RCODE.NXDOMAIN
        elif kind == "A":
            for address in addresses:
                reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A(address), ttl=self.ttl))
        elif kind == "AAAA":
            for address in ipv6:
                reply.add_answer(RR(query.q.qname, QTYPE.AAAA, rdata=AAAA(address), ttl=self.ttl))
        packed: bytes = reply.pack()
        return packed


def _key(name: str) -> str:
    return name.rstrip(".").lower()


def _same_port() -> tuple[socket.socket, socket.socket]:
    deadline = time.monotonic() + 5
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp.bind(("127.0.0.1", 0))
        try:
            tcp.bind(udp.getsockname())
        except OSError:  # somebody has the TCP port of that number
            udp.close()
            tcp.close()
            if time.monotonic() > deadline:
                raise
            continue
        tcp.listen()
        return udp, tcp


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = client.recv(count - len(data))
        if not part:
            raise OSError("the client left in the middle of a query")
        data += part
    return data
