"""The WAF's own error pages: as the client asked for them, and nothing about the machine."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING

import pytest
from support.answers import hang_up, slow
from support.client import Connection, request
from support.waf import mark

if TYPE_CHECKING:
    from support.backends import Backend
    from support.client import Response
    from support.waf import Waf

pytestmark = pytest.mark.nginx

VERSION = re.compile(r"\d+\.\d+\.\d+|nginx/|modsecurity|OWASP", re.IGNORECASE)


def refused_403(waf: Waf, marker: str, accept: str) -> Response:
    return waf.ask(f"/{marker}?q=%3Cscript%3Ealert(1)%3C/script%3E", headers={"Accept": accept})


def refused_413(waf: Waf, marker: str, accept: str) -> Response:
    headers = {"Accept": accept, "Content-Type": "text/plain"}
    return waf.ask(f"/small/{marker}", method="POST", headers=headers, body=b"x" * 5000)


def refused_405(waf: Waf, marker: str, accept: str) -> Response:
    return waf.ask(f"/read/{marker}", method="DELETE", headers={"Accept": accept})


REFUSALS = {403: refused_403, 405: refused_405, 413: refused_413}
PAGES = [("old", 405), ("old", 413), ("new", 403), ("new", 405), ("new", 413)]
"""Where the connector is older than 1.0.4, a page of our own would cost the audit record."""
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(("engine", "status"), PAGES, indirect=["engine"])
class TestPage:
    @pytest.mark.parametrize("accept", [BROWSER, "text/html"], ids=["browser", "html"])
    def test_is_html_for_browsers(self, waf: Waf, status: int, accept: str):
        marker = mark()
        response = REFUSALS[status](waf, marker, accept)
        used = waf.access(marker)["http.request.id"]
        assert response.status == status
        assert (response.header("Content-Type") or "").startswith("text/html")
        assert "<!doctype html>" in response.text
        assert used in response.text
        assert not VERSION.search(response.text.replace(used, ""))

    @pytest.mark.parametrize("accept", ["application/json", "application/vnd.api+json", "*/*"])
    def test_is_json_for_programs(self, waf: Waf, status: int, accept: str):
        marker = mark()
        response = REFUSALS[status](waf, marker, accept)
        assert response.status == status
        assert (response.header("Content-Type") or "") == "application/problem+json"
        page = json.loads(response.body)
        assert page["status"] == status
        assert page["request_id"] == waf.access(marker)["http.request.id"]

    def test_is_never_cached(self, waf: Waf, status: int):
        response = REFUSALS[status](waf, mark(), "text/html")
        assert response.header("Cache-Control") == "no-store"


@pytest.mark.parametrize("status", REFUSALS)
def test_the_request_id_is_in_a_header_too(waf: Waf, status: int):
    marker = mark()
    response = REFUSALS[status](waf, marker, "text/html")
    assert response.header("X-Request-ID") == waf.access(marker)["http.request.id"]


def test_the_error_of_a_large_upload_is_the_backends(waf: Waf, site: Backend):
    """The page is another location: with the limit of the server it would answer 413."""
    marker = mark()
    site.on(f"/uploads/{marker}", hang_up)
    headers = {"Content-Type": "application/octet-stream"}
    body = b"x" * (11 << 20)
    response = waf.ask(f"/uploads/{marker}", method="POST", headers=headers, body=body)
    assert response.status == 502


def test_a_refusal_of_head_has_no_body(waf: Waf):
    data = request(f"/{mark()}?q=%3Cscript%3Ealert(1)%3C/script%3E", method="HEAD")
    with Connection(waf.address) as connection:
        connection.send(data + request("/__waf/health"))
        assert connection.read("HEAD").status == 403
        assert connection.read().status == 200, "what follows is the next response"


def test_a_backend_that_takes_too_long_is_504(waf: Waf, site: Backend):
    marker = mark()
    site.on(f"/hasty/{marker}", slow(3))
    began = time.monotonic()
    response = waf.ask(f"/hasty/{marker}", method="POST", body=b"x=1")
    assert time.monotonic() - began < 2.5
    assert response.status == 504
    page = json.loads(response.body)
    assert (page["status"], page["request_id"]) == (504, waf.access(marker)["http.request.id"])


def test_pages_cannot_be_asked_for(waf: Waf, site: Backend):
    response = waf.ask("/__waf/errors/403.html")
    assert response.status in {200, 404}
    assert "refused" not in response.text


class TestDisclosure:
    def test_the_server_header_names_no_version(self, waf: Waf):
        for target in ("/", "/?q=%3Cscript%3Ealert(1)%3C/script%3E", "/__waf/health"):
            assert not re.search(r"\d", waf.ask(target).header("Server") or "")

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no-host"),
            pytest.param(b"nonsense\r\n\r\n", id="no-http"),
            pytest.param(b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", id="version"),
            pytest.param(request("/%zz"), id="encoding"),
            pytest.param(request("/../../x"), id="above-root"),
            pytest.param(request("/", headers={"X-Long": "x" * 40_000}), id="long-header"),
            pytest.param(request("/" + "x" * 40_000), id="long-target"),
            pytest.param(request("/", method="TRACE"), id="trace"),
            pytest.param(request("a.test:443", method="CONNECT"), id="connect"),
        ],
    )
    def test_what_nginx_refuses_by_itself_names_no_version(
        self, waf: Waf, site: Backend, data: bytes
    ):
        response = waf.send(data)
        assert 400 <= response.status < 600
        assert not VERSION.search(response.head.decode().replace("HTTP/1.1", ""))
        assert not re.search(r"nginx/\d", response.text)
        assert site.received() == []


class TestSmuggling:
    """What could be read as one request here and as two behind is refused or made plain."""

    @pytest.mark.parametrize(
        "lines",
        [
            ["Content-Length: 5", "Transfer-Encoding: chunked"],
            ["Content-Length: 5", "Content-Length: 6"],
            ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
            ["Transfer-Encoding: xchunked"],
            ["Content-Length: +5"],
            ["Content-Length : 5"],
        ],
        ids=" ".join,
    )
    def test_ambiguous_framing_never_reaches_a_backend_as_two(
        self, waf: Waf, site: Backend, lines: list[str]
    ):
        head = "\r\n".join(["POST /framed HTTP/1.1", "Host: waf.test", *lines]) + "\r\n\r\n"
        smuggled = b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: waf.test\r\n\r\n"
        with Connection(waf.address) as connection:
            connection.send(head.encode() + smuggled)
            connection.socket.settimeout(1)
            try:
                first = connection.read_head()
            except (OSError, EOFError):
                first = None
        assert first is None or first.status in {400, 501}
        assert site.received("/smuggled") == []
