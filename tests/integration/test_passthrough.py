"""What an ordinary client sends and gets: unchanged, but for what a proxy has to add."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from support.answers import redirect, text
from support.client import HOST, Connection, request
from support.waf import mark

if TYPE_CHECKING:
    from support.backends import Backend
    from support.waf import Waf

pytestmark = pytest.mark.nginx

ADDED = {
    "connection",
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
}
"""Headers that the WAF owns; every other one is the client's."""


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/a%2Fb/%2e/c%20d", id="encoded"),
        pytest.param("//double//slash/", id="double-slash"),
        pytest.param("/caf%C3%A9/%E6%97%A5%E6%9C%AC", id="utf8-encoded"),
        pytest.param("/café/日本", id="utf8-raw"),
        pytest.param("/empty?", id="empty-query"),
        pytest.param("/query?a=1&b=x+y&c=%C3%A9&a=2&flag&d=", id="query"),
        pytest.param("/matrix;v=1.1/~user/$price/(x)/@me/a:b,c!", id="reserved"),
        pytest.param("/semi%3Bcolon/%E2%82%AC?x=%25", id="encoded-percent"),
        pytest.param("/" + "long/" * 300, id="long"),
    ],
)
def test_the_target_reaches_the_backend_byte_for_byte(waf: Waf, site: Backend, target: str):
    assert waf.ask(target).status == 200
    (received,) = site.received()
    assert received.line == f"GET {target} HTTP/1.1".encode()


def test_headers_reach_the_backend_as_sent_and_in_order(waf: Waf, site: Backend):
    sent = [
        ("x-lower", "as it is"),
        ("X-Tag", "one"),
        ("X-Empty", ""),
        ("X-Tag", "two"),
        ("X-Utf8", "caf\u00c3\u00a9"),
        ("Accept-Encoding", "gzip, br"),
        ("Accept-Language", "fr-FR,fr;q=0.8,en;q=0.5"),
        ("Authorization", "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"),
        ("Cookie", "session=0123456789abcdef; theme=dark"),
        ("If-None-Match", '"33a64df5"'),
        ("Origin", f"https://{HOST}"),
        ("Referer", f"https://{HOST}/from?x=1"),
    ]
    assert waf.ask("/headers", headers=sent).status == 200
    received = site.only("/headers").headers
    kept = [pair for pair in received if pair[0].lower() not in ADDED]
    names = {"User-Agent", "Accept"}
    assert [pair for pair in kept if pair[0] not in names] == [
        (name, value.encode().decode("latin-1")) for name, value in sent
    ]


def test_a_header_of_8_kilobytes_passes(waf: Waf, site: Backend):
    # The platform's router takes 8 kB a header.
    value = ("0123456789abcdef" * 512)[: 8192 - len("X-Token: \r\n")]
    assert waf.ask("/big-header", headers={"X-Token": value}).status == 200
    assert site.only("/big-header").header("X-Token") == value


def test_many_headers_of_31_kilobytes_together_pass(waf: Waf, site: Backend):
    # The router takes 32 kB in all.
    headers = {f"X-Part-{number}": "abcdefgh" * 960 for number in range(4)}
    assert waf.ask("/big-headers", headers=headers).status == 200
    assert site.only("/big-headers").header("X-Part-3") == headers["X-Part-3"]


BODIES = {
    "text": ("text/plain", "Bonjour, ça va ?\r\n".encode()),
    "form": ("application/x-www-form-urlencoded", b"name=Zo%C3%A9+Martin&city=Lyon&empty="),
    "json": ("application/json", json.dumps({"name": "Zoé", "tags": ["a", "b"]}).encode()),
    "csv": ("text/csv", 'id,name\r\n1,"Zoé, Lyon"\r\n2,O\'Brien\r\n'.encode()),
    "lines": ("application/x-ndjson", b'{"id": 1, "tags": ["a"]}\n{"id": 2, "tags": []}\n'),
    "octets": ("application/octet-stream", bytes(range(256)) * 40),
    "empty": ("application/json", b""),
}


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_the_body_reaches_the_backend_unchanged(waf: Waf, site: Backend, kind: str, framing: str):
    content_type, body = BODIES[kind]
    headers = {"Content-Type": content_type}
    if framing == "chunked":
        chunks = [body[at : at + 1000] for at in range(0, len(body), 1000)]
        data = request("/body", method="POST", headers=headers, chunks=chunks)
    else:
        data = request("/body", method="POST", headers=headers, body=body)
    assert waf.send(data).status == 200
    received = site.only("/body")
    assert received.body == body
    assert received.header("Content-Type") == content_type


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"])
def test_every_method_of_a_rest_api_passes(waf: Waf, site: Backend, method: str):
    body = b'{"a": 1}' if method in {"POST", "PUT", "PATCH"} else None
    headers = {"Content-Type": "application/json"} if body else {}
    assert waf.ask("/api/things/1", method=method, headers=headers, body=body).status == 200
    assert site.only("/api").method == method


@pytest.mark.parametrize(
    "headers",
    [
        {"Expect": "100-continue", "Content-Type": "application/json"},
        {"Content-Type": "application/vnd.api+json"},
        {"Content-Type": "application/merge-patch+json; charset=utf-8"},
        {"Content-Type": "application/csp-report"},
        {"Content-Type": "text/csv"},
        {"Content-Type": "image/png"},
        {"Range": "bytes=0-1023", "If-Range": '"abc"', "Content-Type": "text/plain"},
    ],
    ids=lambda headers: next(iter(headers.values())),
)
def test_what_web_and_rest_clients_send_is_allowed(
    waf: Waf, site: Backend, headers: dict[str, str]
):
    body = (
        b'{"a": "b"}'
        if headers["Content-Type"].endswith(("json", "report", "utf-8"))
        else b"a,b\r\n"
    )
    response = waf.ask("/accepted", method="POST", headers=headers, body=body)
    assert response.status == 200
    assert site.only("/accepted").body == body


def test_expect_100_continue_is_answered_before_the_body(waf: Waf, site: Backend):
    body = b'{"upload": "later"}'
    headers = {
        "Expect": "100-continue",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    with Connection(waf.address) as connection:
        connection.send(request("/expect", method="POST", headers=headers))
        assert connection.read_head().status == 100
        connection.send(body)
        assert connection.read().status == 200
    assert site.only("/expect").body == body


@pytest.mark.parametrize("query", ["?text=Le+mot+%C2%AB+style+%C2%BB+et+%C2%AB+image+%C2%BB", ""])
def test_french_quotes_are_not_script_tags(waf: Waf, site: Backend, query: str):
    form = "text=Un+%C2%AB+form+%C2%BB%2C+un+%C2%AB+objet+%C2%BB+et+%C2%AB+style+%C2%BB"
    response = waf.ask(
        f"/quotes{query}",
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=form.encode(),
    )
    assert response.status == 200
    assert site.only("/quotes").body == form.encode()


def test_the_response_reaches_the_client_unchanged(waf: Waf, site: Backend):
    headers = [
        ("Set-Cookie", "a=1; Path=/; HttpOnly"),
        ("Set-Cookie", "b=2"),
        ("ETag", '"33a64df5"'),
        ("Cache-Control", "private, max-age=60"),
        ("X-Frame-Options", "DENY"),
    ]
    body = "<p>Zoé</p>".encode()
    answer = text(body, "201 Created", "text/html; charset=utf-8", headers)
    site.on("/answer", answer)
    response = waf.ask("/answer", method="POST", body=b"")
    assert (response.status, response.body) == (201, body)
    assert response.all("Set-Cookie") == ["a=1; Path=/; HttpOnly", "b=2"]
    for name, value in headers[2:]:
        assert response.all(name) == [value]


@pytest.mark.parametrize(
    "status",
    [
        "400 Bad Request",
        "403 Forbidden",
        "404 Not Found",
        "413 Too Large",
        "500 Oops",
        "502 Bad",
        "503 Busy",
    ],
)
def test_the_apps_own_errors_keep_their_pages(waf: Waf, site: Backend, status: str):
    path = f"/own-error/{mark()}"
    site.on(path, text(b'{"error": "mine"}', status, "application/json"))
    response = waf.ask(path)
    assert (response.status, response.body) == (int(status[:3]), b'{"error": "mine"}')


def test_nothing_is_compressed_by_the_waf(waf: Waf, site: Backend):
    page = b"<p>Lorem ipsum dolor sit amet</p>" * 200
    site.on("/plain", text(page, content_type="text/html"))
    response = waf.ask("/plain", headers={"Accept-Encoding": "gzip"})
    assert response.header("Content-Encoding") is None
    assert response.header("Content-Length") == str(len(page))
    assert response.body == page


def test_what_the_backend_compressed_stays_so(waf: Waf, site: Backend):
    packed = gzip.compress(b"<p>hello</p>")
    answer = text(packed, content_type="text/html", headers=[("Content-Encoding", "gzip")])
    site.on("/packed", answer)
    response = waf.ask("/packed", headers={"Accept-Encoding": "gzip"})
    assert (response.header("Content-Encoding"), response.body) == ("gzip", packed)
    assert site.only("/packed").header("Accept-Encoding") == "gzip"


class TestRedirects:
    def test_to_the_private_name_becomes_the_public_one(self, waf: Waf, site: Backend):
        site.on("/to-private", redirect(f"http://site.internal:{site.port}/login?next=%2Fa"))
        response = waf.ask("/to-private")
        assert response.status == 302
        assert response.header("Location") == "/login?next=%2Fa"

    def test_to_the_private_name_below_a_prefix(self, waf: Waf, fleet: list[Backend]):
        api = fleet[1]
        api.on("/shop/old", redirect(f"http://api.internal:{api.port}/shop/new"))
        assert waf.ask("/shop/old").header("Location") == "/shop/new"

    @pytest.mark.parametrize(
        "location",
        [f"https://{HOST}/login", "https://accounts.example.com/oauth?x=1", "/relative", "next"],
    )
    def test_elsewhere_are_left_alone(self, waf: Waf, site: Backend, location: str):
        path = f"/to-other/{mark()}"
        site.on(path, redirect(location))
        assert waf.ask(path).header("Location") == location

    def test_of_a_backend_that_builds_them_from_host(self, waf: Waf, site: Backend):
        """An app that answers with the Host it saw sends the public name."""
        site.on(
            "/by-host",
            lambda exchange: redirect(f"http://{exchange.request.header('Host')}/next")(exchange),
        )
        assert waf.ask("/by-host").header("Location") == f"http://{HOST}/next"
