"""The instruments themselves: what they claim to send, keep and drop, they do."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest
from dnslib import QTYPE, RCODE, DNSRecord
from support import websocket
from support.answers import events, websocket_echo
from support.backends import containers, unreachable
from support.client import Connection, exchange, request
from support.dns import NameServer
from support.load import Load


def ask(server: NameServer, name: str, kind: str = "A", *, tcp: bool = False) -> DNSRecord:
    host, port = server.address.split(":")
    question = DNSRecord.question(name, kind)
    return DNSRecord.parse(question.send(host, int(port), tcp=tcp, timeout=2))


def addresses(record: DNSRecord) -> list[str]:
    return [str(answer.rdata) for answer in record.rr]


class TestNameServer:
    def test_serves_several_records_that_change(self):
        with NameServer() as server:
            server.set("app.internal", "127.0.1.1", "127.0.1.2")
            first = ask(server, "app.internal")
            assert addresses(first) == ["127.0.1.1", "127.0.1.2"]
            assert {answer.ttl for answer in first.rr} == {5}
            server.set("app.internal", "127.0.1.3")
            assert addresses(ask(server, "APP.internal.", tcp=True)) == ["127.0.1.3"]
            assert server.queries("app.internal") == 2

    def test_unknown_and_removed_names_do_not_exist(self):
        with NameServer() as server:
            server.set("app.internal", "127.0.1.1")
            server.remove("app.internal")
            assert ask(server, "app.internal").header.rcode == RCODE.NXDOMAIN
            assert ask(server, "other.internal").header.rcode == RCODE.NXDOMAIN

    def test_ipv6_is_nodata_unless_told(self):
        with NameServer() as server:
            server.set("app.internal", "127.0.1.1")
            answer = ask(server, "app.internal", "AAAA")
            assert (answer.header.rcode, answer.rr) == (RCODE.NOERROR, [])
            server.set_ipv6("app.internal", "servfail")
            assert ask(server, "app.internal", "AAAA").header.rcode == RCODE.SERVFAIL
            server.set_ipv6("app.internal", ("::1",))
            answer = ask(server, "app.internal", "AAAA")
            assert [QTYPE[one.rtype] for one in answer.rr] == ["AAAA"]

    def test_silence_drops_queries_and_counts_them(self):
        with NameServer() as server:
            server.set("app.internal", "127.0.1.1")
            server.set("other.internal", "127.0.1.2")
            with server.silence("app.internal"):
                with pytest.raises(TimeoutError):
                    DNSRecord.question("app.internal").send(
                        "127.0.0.1", int(server.address.split(":")[1]), timeout=0.2
                    )
                assert addresses(ask(server, "other.internal")) == ["127.0.1.2"]
            assert server.wait_for_query("app.internal", more_than=0, timeout=1)
            assert addresses(ask(server, "app.internal")) == ["127.0.1.1"]


class TestBackend:
    def test_keeps_the_bytes_of_a_request(self):
        with containers() as [backend]:
            sent = request("/a%2Fb//c?", method="PUT", chunks=[b"one", b"two"])
            answer = exchange((backend.name, backend.port), sent)
            got = backend.only("/a%2Fb")
            assert answer.body == b"127.0.1.1"
            assert got.head + got.wire_body == sent
            assert (got.line, got.body) == (b"PUT /a%2Fb//c? HTTP/1.1", b"onetwo")

    def test_counts_connections_and_keeps_them(self):
        with containers() as [backend]:
            with Connection((backend.name, backend.port)) as connection:
                for _ in range(3):
                    connection.send(request("/kept"))
                    assert connection.read().status == 200
            exchange((backend.name, backend.port), request("/other"))
            assert backend.connections == 2
            assert [one.connection for one in backend.received()] == [1, 1, 1, 2]

    def test_dies_and_comes_back(self):
        with containers(2) as [first, second]:
            assert first.port == second.port
            with Connection((first.name, first.port)) as connection:
                connection.send(request())
                connection.read()
                first.stop()
                with pytest.raises(OSError, match="refused"):
                    exchange((first.name, first.port), request())
                assert connection.stream.to_end() == b""
            first.start()
            assert exchange((first.name, first.port), request()).body == b"127.0.1.1"

    def test_streams_events_when_released(self):
        release = threading.Semaphore(0)
        with containers() as [backend], Connection((backend.name, backend.port)) as connection:
            backend.on("/events", events(release, [b"1", b"2"]))
            connection.send(request("/events"))
            assert connection.read_head().header("Content-Type") == "text/event-stream"
            connection.socket.settimeout(0.1)
            with pytest.raises(TimeoutError):
                connection.stream.exactly(1)
            release.release()
            connection.socket.settimeout(5)
            assert connection.stream.until(b"\n\n\r\n").endswith(b"data: 1\n\n\r\n")
            release.release()

    def test_echoes_websocket_frames(self):
        with containers() as [backend], Connection((backend.name, backend.port)) as connection:
            backend.on("/ws", websocket_echo)
            key = websocket.new_key()
            connection.send(
                request("/ws", headers={"Upgrade": "websocket", "Sec-WebSocket-Key": key})
            )
            assert connection.read_head().header("Sec-WebSocket-Accept") == websocket.accept(key)
            for payload in (b"", b"hello", b"x" * 300, b"y" * 70_000):
                frame = websocket.Frame(websocket.BINARY, payload)
                connection.send(websocket.encode(frame, masked=True))
                assert websocket.decode(connection.stream.exactly) == frame

    def test_the_accept_of_the_rfc(self):
        # RFC 6455, section 1.3
        assert websocket.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    def test_an_unreachable_address_answers_nothing(self):
        with containers() as [backend], unreachable("127.0.1.9", backend.port):
            sock = socket.socket()
            sock.settimeout(0.3)
            with contextlib.closing(sock), pytest.raises(TimeoutError):
                sock.connect(("127.0.1.9", backend.port))


class TestLoad:
    def test_records_every_request_and_its_fate(self):
        with containers() as [backend]:
            with Load((backend.name, backend.port), request("/"), clients=2) as load:
                assert load.wait_for(lambda one: one.status == 200, 5)
                moment = time.monotonic()
                backend.stop()
                assert load.wait_for(lambda one: one.failed, 5)
            assert {one.body for one in load.samples if not one.failed} == {"127.0.1.1"}
            assert all(one.error for one in load.failures)
            assert load.since(moment)[-1].failed

    def test_is_bounded(self):
        with containers() as [backend]:
            with Load((backend.name, backend.port), request(), clients=1, limit=20) as load:
                assert load.wait_for(lambda _: len(load.samples) >= 20, 5)
            assert len(load.samples) == 20
