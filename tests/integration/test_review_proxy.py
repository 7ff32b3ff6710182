"""What clients and backends can say to the proxy itself, and what it must not believe."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.answers import redirect

if TYPE_CHECKING:
    from support.answers import Answer, Exchange
    from support.backends import Backend
    from support.waf import Waf

pytestmark = pytest.mark.nginx


def raw(data: bytes) -> Answer:
    """Answer with exactly these bytes and close."""

    def answer(exchange: Exchange) -> None:
        exchange.keep = False
        exchange.send(data)

    return answer


@pytest.mark.parametrize("upgrade", ["h2c", "websocket, h2c", "h2c, websocket", "TLS/1.0", "x"])
def test_only_websocket_is_a_reason_to_upgrade(waf: Waf, site: Backend, upgrade: str):
    """A backend that takes h2c would turn the connection into a tunnel past the rules."""
    headers = {"Upgrade": upgrade, "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AA"}
    assert waf.ask("/ws/h2c", headers=headers).status == 200
    received = site.only("/ws/h2c")
    assert (received.header("Upgrade"), received.header("Connection")) == (None, None)


def test_websocket_is_one_in_any_case(waf: Waf, site: Backend):
    headers = {"Upgrade": "WebSocket", "Connection": "keep-alive, Upgrade"}
    assert waf.ask("/ws/case", headers=headers).status == 200
    assert site.only("/ws/case").header("Upgrade") == "websocket"


@pytest.mark.parametrize("target", ["/__waf/errors/403.html", "/off/elsewhere", "@named"])
def test_a_backend_cannot_send_nginx_elsewhere(waf: Waf, site: Backend, target: str):
    head = f"HTTP/1.1 200 OK\r\nX-Accel-Redirect: {target}\r\nContent-Length: 4\r\n\r\n"
    site.on("/accel", raw(head.encode() + b"mine"))
    response = waf.ask("/accel")
    assert (response.status, response.body) == (200, b"mine")
    assert response.header("X-Accel-Redirect") is None
    assert len(site.received()) == 1


@pytest.mark.parametrize(
    ("location", "public"),
    [
        ("http://site.internal:{port}//evil.test/x", "/.//evil.test/x"),
        ("https://site.internal:{port}//evil.test/x", "/.//evil.test/x"),
        ("https://site.internal:{port}/login", "/login"),
        ("http://site.internal:{port}/", "/"),
        ("https://other.test//x", "https://other.test//x"),
    ],
)
def test_a_redirect_stays_on_the_host(waf: Waf, site: Backend, location: str, public: str):
    site.on("/redirect", redirect(location.format(port=site.port)))
    assert waf.ask("/redirect").header("Location") == public


@pytest.mark.parametrize(
    "name",
    [
        "X-Forwarded-Protocol",
        "X-Forwarded-Scheme",
        "X-Forwarded-Ssl",
        "X-Forwarded-Prefix",
        "X-Forwarded-Server",
        "X-Host",
        "X-Original-Host",
        "Client-IP",
        "True-Client-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "CF-Connecting-IP",
        "Fastly-Client-IP",
    ],
)
@pytest.mark.parametrize("path", ["/lies", "/ws/lies"])
def test_headers_that_apps_believe_are_not_the_clients(
    waf: Waf, site: Backend, path: str, name: str
):
    assert waf.ask(path, headers={name: "on"}).status == 200
    assert site.only(path).header(name) is None
