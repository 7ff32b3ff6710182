"""The few bytes of a DNS query, against a name server that another library wrote."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from support.dns import NameServer

from waf_builder.doctor.dns import AAAA, A, Answer, ask
from waf_builder.doctor.resolvers import parse_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = (
    "myappbackend.ap-a71da13f-7c70-4c00-a644-eee8558d8053"
    ".pn-ad0fd6a1-d05e-40ea-bf63-c4f8a75a9d8c.private-network.internal"
)


class Truncating(NameServer):
    """Answers over UDP that the whole answer is to be had over TCP."""

    def _serve_udp(self) -> None:
        self._udp.settimeout(0.05)
        while not self._stopping.is_set():
            try:
                query, client = self._udp.recvfrom(4096)
            except OSError:
                continue
            self._udp.sendto(query[:2] + struct.pack("!H", 0x8200) + query[4:], client)


@contextmanager
def answering(reply: Callable[[bytes], bytes]) -> Iterator[tuple[str, int]]:
    """Run a server that answers one UDP packet with what reply makes of it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(5)

        def serve() -> None:
            query, client = server.recvfrom(4096)
            server.sendto(reply(query), client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()
        thread.join()


def test_returns_addresses_and_lifetime(names):
    names.set(NAME, "10.240.0.5", "10.240.0.6")
    assert ask(parse_server(names.address), NAME, A, 5) == Answer(
        0, ("10.240.0.5", "10.240.0.6"), 5
    )


def test_takes_a_trailing_dot(names):
    names.set(NAME, "10.240.0.5")
    assert ask(parse_server(names.address), f"{NAME}.", A, 5).addresses == ("10.240.0.5",)


def test_returns_ipv6_addresses(names):
    names.set(NAME, "10.240.0.5")
    names.set_ipv6(NAME, ("fd00::5",))
    assert ask(parse_server(names.address), NAME, AAAA, 5) == Answer(0, ("fd00::5",), 5)


def test_says_that_a_name_does_not_exist(names):
    assert ask(parse_server(names.address), NAME, A, 5) == Answer(3, (), 0)


def test_asks_over_tcp_where_the_answer_was_cut():
    with Truncating() as server:
        addresses = tuple(f"10.240.1.{number}" for number in range(200))
        server.set(NAME, *addresses)
        assert ask(parse_server(server.address), NAME, A, 5).addresses == addresses


def test_asks_again_when_a_packet_is_lost(names):
    names.set(NAME, "10.240.0.5")
    with names.silence(NAME):
        found: list[Answer] = []
        thread = threading.Thread(
            target=lambda: found.append(ask(parse_server(names.address), NAME, A, 5))
        )
        thread.start()
        assert names.wait_for_query(NAME, more_than=0, timeout=5)
    thread.join()
    assert found == [Answer(0, ("10.240.0.5",), 5)]
    assert names.queries(NAME) == 2


def test_gives_up_in_time(names):
    with names.silence(), pytest.raises(TimeoutError):
        ask(parse_server(names.address), NAME, A, 0.2)


def test_a_refused_port_is_known_at_once():
    with pytest.raises(ConnectionRefusedError):
        ask(("127.0.0.1", 9), NAME, A, 5)


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (lambda query: query, "the answer is to another question"),
        (
            lambda query: query[:2] + b"\x81\x80\0\1\0\1" + query[8:],
            "the answer ends too early",
        ),
        (
            lambda query: (
                query[:2] + b"\x81\x80\0\1\0\1" + query[8:] + b"\xc0\x0c\0\1\0\1\0\0\0\5\0\4\1\2"
            ),
            "the answer ends too early",
        ),
    ],
    ids=["echo", "no record", "half a record"],
)
def test_refuses_what_is_no_answer(reply, message):
    with answering(reply) as server, pytest.raises(ValueError, match=message):
        ask(server, NAME, A, 2)
