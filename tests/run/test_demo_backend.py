"""The demo backend: a page for people, an echo for curl."""

from __future__ import annotations

import json
import re
import socket
import time
from typing import TYPE_CHECKING

import pytest
from support.client import Connection, Response, exchange, request

from waf_builder.run.demo import BODY_LIMIT, DemoBackend

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoBackend]:
    with DemoBackend() as demo:
        yield demo


def ask(demo: DemoBackend, target: str, **given: object) -> Response:
    data = request(target, **given)  # type: ignore[arg-type]
    return exchange((demo.address, demo.port), data)


def test_shows_a_page_that_says_what_it_is(demo):
    response = ask(demo, "/")
    assert response.status == 200
    assert response.header("Content-Type") == "text/html; charset=utf-8"
    assert "It stands in for your\napp." in response.text


def test_the_page_links_to_a_request_that_passes_and_one_that_does_not(demo):
    links = re.findall('href="([^"]*)"', ask(demo, "/").text)
    assert links == ["/echo?name=Ada", "/echo?id=1%27%20OR%20%271%27%3D%271"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_echoes_what_arrived(demo, method):
    body = "Grüße\x00".encode()
    response = ask(demo, "/echo?a=%2F", method=method, headers={"X-One": "1"}, body=body)
    assert response.status == 200
    assert response.header("Content-Type") == "application/json"
    echo = json.loads(response.text)
    assert echo["from"] == "the demo backend of waf-builder"
    assert (echo["method"], echo["path"]) == (method, "/echo?a=%2F")
    assert ["X-One", "1"] in echo["headers"]
    assert (echo["body"], echo["body_bytes"]) == ("Grüße\x00", len(body))


def test_answers_head_without_a_body(demo):
    with Connection((demo.address, demo.port)) as connection:
        connection.send(request("/", method="HEAD"))
        assert connection.read("HEAD").status == 200
        connection.send(request("/nothing"))
        assert connection.read().status == 404


def test_has_nothing_else(demo):
    for method, target in (("GET", "/nothing"), ("POST", "/"), ("GET", "/echo/x")):
        response = ask(demo, target, method=method)
        assert response.status == 404
        assert response.text == "The demo backend has / and /echo, nothing else.\n"


def test_refuses_a_body_that_is_too_large(demo):
    headers = {"Content-Length": str(BODY_LIMIT + 1)}
    response = ask(demo, "/echo", method="POST", headers=headers)
    assert response.status == 413
    assert response.header("Connection") == "close"
    assert response.text == f"The demo backend takes bodies of up to {BODY_LIMIT} bytes.\n"


def test_needs_the_length_of_a_body(demo):
    response = ask(demo, "/echo", method="POST", chunks=[b"a"])
    assert response.status == 411
    assert ask(demo, "/echo", method="POST", headers={"Content-Length": "x"}).status == 411


def test_answers_at_once_on_a_connection_that_is_kept(demo):
    """Not 40 ms later, when the other side acknowledges the first half of the answer."""
    took = []
    with Connection((demo.address, demo.port)) as connection:
        for _ in range(10):
            began = time.monotonic()
            connection.send(request("/"))
            connection.read()
            took.append(time.monotonic() - began)
    assert min(took[2:]) < 0.03


def test_says_nothing_in_the_terminal(demo, capfd):
    ask(demo, "/")
    ask(demo, "/nothing")
    assert capfd.readouterr() == ("", "")


def test_ends_at_once_though_a_connection_is_open():
    with DemoBackend() as demo:
        idle = socket.create_connection((demo.address, demo.port))
        began = time.monotonic()
    with idle:
        assert time.monotonic() - began < 2
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((demo.address, demo.port), timeout=5)
