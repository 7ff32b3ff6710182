"""Ask one name server for one name, in the way of nginx's resolver.

The system's own functions would read /etc/hosts, append search domains and hide lifetimes, none
of which nginx does. Messages are RFC 1035, section 4.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
import time
from dataclasses import dataclass

A, AAAA = 1, 28
_IN = 1
_RECURSION_DESIRED = 0x0100
_RESPONSE, _TRUNCATED = 0x8000, 0x0200
_POINTER = 0xC0
_RESEND_SECONDS = 1.0
_UDP_BYTES = 4096

MEANINGS = {
    1: "Format error",
    2: "Server failure",
    3: "Host not found",
    4: "Unimplemented",
    5: "Operation refused",
}
"""What nginx's error log calls a response code (ngx_resolver_strerror)."""

NAME_ERROR = 3


@dataclass(frozen=True)
class Answer:
    """What a name server said: a response code, addresses, and their shortest lifetime in s."""

    code: int
    addresses: tuple[str, ...]
    ttl: int


def ask(server: tuple[str, int], name: str, kind: int, seconds: float) -> Answer:
    """Return a name server's answer for a name, its A or its AAAA records.

    Over UDP, and over TCP where the answer says that it was cut. OSError when none comes in
    time, ValueError for one that cannot be read.
    """
    number = int.from_bytes(os.urandom(2), "big")
    query = _query(number, name, kind)
    deadline = time.monotonic() + seconds
    reply = _by_udp(server, query, deadline)
    if struct.unpack("!H", reply[2:4])[0] & _TRUNCATED:
        reply = _by_tcp(server, query, deadline)
    return _parse(reply, number, kind)


def _query(number: int, name: str, kind: int) -> bytes:
    labels = [label.encode("ascii") for label in name.rstrip(".").split(".")]
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    head = struct.pack("!6H", number, _RECURSION_DESIRED, 1, 0, 0, 0)
    return head + question + struct.pack("!2H", kind, _IN)


def _family(server: tuple[str, int]) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in server[0] else socket.AF_INET


def _by_udp(server: tuple[str, int], query: bytes, deadline: float) -> bytes:
    with socket.socket(_family(server), socket.SOCK_DGRAM) as udp:
        udp.connect(server)
        while (left := deadline - time.monotonic()) > 0:
            udp.send(query)
            resend = time.monotonic() + min(_RESEND_SECONDS, left)
            while (wait := resend - time.monotonic()) > 0:
                udp.settimeout(wait)
                try:
                    reply = udp.recv(_UDP_BYTES)
                except TimeoutError:
                    break
                if reply[:2] == query[:2] and len(reply) >= len(query):
                    return reply
    raise TimeoutError("no answer")


def _by_tcp(server: tuple[str, int], query: bytes, deadline: float) -> bytes:
    left = max(0.05, deadline - time.monotonic())
    with socket.create_connection(server, timeout=left) as tcp, tcp.makefile("rb") as stream:
        tcp.sendall(struct.pack("!H", len(query)) + query)
        (size,) = struct.unpack("!H", _exactly(stream.read(2), 2))
        return _exactly(stream.read(size), size)


def _exactly(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise ValueError("the answer ends too early")
    return data


def _parse(reply: bytes, number: int, kind: int) -> Answer:
    try:
        got, flags, questions, answers, _, _ = struct.unpack_from("!6H", reply)
        if got != number or not flags & _RESPONSE:
            raise ValueError("the answer is to another question")
        at = 12
        for _ in range(questions):
            at = _after_name(reply, at) + 4
        found: list[tuple[str, int]] = []
        for _ in range(answers):
            at = _after_name(reply, at)
            record, _, ttl, size = struct.unpack_from("!2HIH", reply, at)
            data = _exactly(reply[at + 10 : at + 10 + size], size)
            at += 10 + size
            if record == kind:
                found.append((str(ipaddress.ip_address(data)), ttl))
    except (struct.error, IndexError) as error:
        raise ValueError("the answer ends too early") from error
    addresses = tuple(address for address, _ in found)
    return Answer(flags & 0x000F, addresses, min((ttl for _, ttl in found), default=0))


def _after_name(reply: bytes, at: int) -> int:
    while length := reply[at]:
        if length & _POINTER == _POINTER:
            return at + 2
        at += 1 + length
    return at + 1
