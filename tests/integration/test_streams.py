"""WebSockets, server-sent events and bodies of every size."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import TYPE_CHECKING

import pytest
from support import websocket
from support.answers import events, own_name, websocket_echo
from support.client import Connection, request
from support.waf import mark
from support.websocket import Frame

if TYPE_CHECKING:
    from support.answers import Exchange
    from support.backends import Backend
    from support.client import Response
    from support.waf import Waf

pytestmark = pytest.mark.nginx

MEGABYTE = 1024**2


def handshake(path: str, key: str) -> bytes:
    headers = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "chat",
    }
    return request(path, headers=headers)


class TestWebSocket:
    def test_frames_are_echoed(self, waf: Waf, site: Backend):
        site.on("/ws/echo", websocket_echo)
        key = websocket.new_key()
        with Connection(waf.address) as connection:
            connection.send(handshake("/ws/echo", key))
            head = connection.read_head()
            assert head.status == 101
            assert head.header("Sec-WebSocket-Accept") == websocket.accept(key)
            for payload in (b"hello", b"x" * 70_000, b"<script>alert(1)</script>", b""):
                frame = Frame(websocket.TEXT, payload)
                connection.send(websocket.encode(frame, masked=True))
                assert websocket.decode(connection.stream.exactly) == frame
            connection.send(websocket.encode(Frame(websocket.CLOSE, b""), masked=True))
            assert websocket.decode(connection.stream.exactly).opcode == websocket.CLOSE
        received = site.only("/ws/echo")
        assert received.line == b"GET /ws/echo HTTP/1.1"
        assert received.header("Upgrade") == "websocket"
        assert received.header("Connection").lower() == "upgrade"
        assert received.header("Sec-WebSocket-Protocol") == "chat"

    def test_handshakes_are_inspected(self, waf: Waf, site: Backend):
        data = handshake("/ws/echo?q=%3Cscript%3Ealert(1)%3C/script%3E", websocket.new_key())
        assert waf.send(data).status == 403
        assert site.received() == []

    def test_ordinary_requests_pass_on_its_route_too(self, waf: Waf, site: Backend):
        assert waf.ask("/ws/plain").status == 200
        assert site.only("/ws/plain").header("Upgrade") is None

    def test_elsewhere_an_upgrade_is_not_passed_on(self, waf: Waf, site: Backend):
        """Whoever could turn a connection into a tunnel would send requests past the rules."""
        assert waf.send(handshake("/not-ws", websocket.new_key())).status == 200
        assert site.only("/not-ws").header("Upgrade") is None


class TestServerSentEvents:
    def test_arrive_one_by_one(self, waf: Waf, site: Backend):
        release = threading.Semaphore(0)
        messages = [b"first", b"second", b"third"]
        site.on("/events/one-by-one", events(release, messages))
        with Connection(waf.address, timeout=5) as connection:
            connection.send(request("/events/one-by-one", headers={"Accept": "text/event-stream"}))
            head = connection.read_head()
            assert head.header("Content-Type") == "text/event-stream"
            for message in messages:  # each is read before the next may be sent
                release.release()
                assert connection.stream.until(b"\n\n").endswith(b"data: %s\n\n" % message)

    def test_the_backend_learns_that_the_client_left(self, waf: Waf, site: Backend):
        left = threading.Event()

        def stream(exchange: Exchange) -> None:
            exchange.keep = False
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
            try:
                if exchange.socket.recv(1) == b"":
                    left.set()
            except ConnectionResetError:
                left.set()

        site.on("/events/left", stream)
        with Connection(waf.address) as connection:
            connection.send(request("/events/left"))
            connection.stream.until(b"data: 1\n\n")
        assert left.wait(5)


def post(waf: Waf, path: str, body: bytes, content_type: str, **headers: str) -> Response:
    sent = {"Content-Type": content_type, **headers}
    return waf.ask(path, method="POST", headers=sent, body=body, timeout=60)


class TestUpload:
    def test_of_40_megabytes_passes_where_allowed(self, waf: Waf, site: Backend):
        body = hashlib.sha256(b"seed").digest() * (40 * MEGABYTE // 32)
        assert post(waf, "/uploads/big", body, "application/octet-stream").status == 200
        assert digest(site.only("/uploads/big").body) == digest(body)

    def test_of_40_megabytes_in_a_form_passes_where_allowed(self, waf: Waf, site: Backend):
        content = hashlib.sha256(b"seed").digest() * (40 * MEGABYTE // 32)
        start = (
            b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n"
        )
        body = start + content + b"\r\n--cut--\r\n"
        assert post(waf, "/uploads/form", body, "multipart/form-data; boundary=cut").status == 200
        assert digest(site.only("/uploads/form").body) == digest(body)

    def test_of_9_megabytes_passes_by_default(self, waf: Waf, site: Backend):
        body = b"\x00\xff" * (9 * MEGABYTE // 2)
        assert post(waf, "/upload", body, "application/octet-stream").status == 200
        assert site.only("/upload").body == body

    @pytest.mark.parametrize(
        ("path", "size"),
        [("/", 11 * MEGABYTE), ("/small/", 1025), ("/json/", 3 * MEGABYTE)],
    )
    def test_above_the_limit_is_413(self, waf: Waf, site: Backend, path: str, size: int):
        marker = mark()
        response = post(waf, f"{path}{marker}", b"x" * size, "application/octet-stream")
        assert response.status == 413
        assert site.received() == []
        assert waf.access(marker)["http.response.status_code"] == 413

    def test_at_the_limit_passes(self, waf: Waf):
        assert post(waf, "/small/full", b"x" * 1024, "application/octet-stream").status == 200

    def test_chunked_above_the_limit_is_413(self, waf: Waf, site: Backend):
        chunks = [b"x" * 600, b"x" * 600]
        headers = {"Content-Type": "application/octet-stream"}
        data = request(f"/small/{mark()}", method="POST", headers=headers, chunks=chunks)
        assert waf.send(data).status == 413
        assert site.received() == []

    def test_announced_above_the_limit_is_413_before_it_is_sent(self, waf: Waf):
        headers = {"Expect": "100-continue", "Content-Length": str(70 * MEGABYTE)}
        with Connection(waf.address) as connection:
            connection.send(request(f"/{mark()}", method="POST", headers=headers))
            response = connection.read("POST")
        assert (response.status, response.interim) == (413, ())


class TestLargeText:
    """What the recommended configuration refuses above 128 KB and this one must not."""

    WORDS = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. "

    def test_200_kilobytes_of_json_pass(self, waf: Waf, site: Backend):
        items = [{"id": number, "text": self.WORDS * 17} for number in range(200)]
        body = json.dumps({"items": items}).encode()
        assert len(body) > 190 * 1024
        assert post(waf, "/json/large", body, "application/json").status == 200
        assert site.only("/json/large").body == body

    def test_200_kilobytes_of_form_pass(self, waf: Waf, site: Backend):
        field = self.WORDS.replace(" ", "+").replace(",", "%2C") * 70
        body = "&".join(f"field{number}={field}" for number in range(50)).encode()
        assert len(body) > 190 * 1024
        form = "application/x-www-form-urlencoded"
        assert post(waf, "/json/form", body, form).status == 200
        assert site.only("/json/form").body == body

    def test_an_attack_at_their_end_is_refused(self, waf: Waf, site: Backend):
        items = [self.WORDS * 17] * 200 + ["<script>alert(1)</script>"]
        body = json.dumps(items).encode()
        assert post(waf, "/json/attack", body, "application/json").status == 403
        assert site.received() == []


def digest(body: bytes) -> str:
    return f"{len(body)} {hashlib.sha256(body).hexdigest()}"


def test_a_slow_client_does_not_hold_a_backend(waf: Waf, site: Backend):
    """The body is read whole before the backend is asked."""
    site.on("/slow-body", own_name)
    headers = {"Content-Type": "text/plain", "Content-Length": "10"}
    with Connection(waf.address) as connection:
        connection.send(request("/slow-body", method="POST", headers=headers) + b"hello")
        assert waf.ask("/meanwhile").status == 200
        assert site.received("/slow-body") == []
        connection.send(b"world")
        assert connection.read().status == 200
    assert site.only("/slow-body").body == b"helloworld"
