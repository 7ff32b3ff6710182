"""https_only and canonical_host: where requests are sent before any rule has looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.waf import mark

if TYPE_CHECKING:
    from support.backends import Backend
    from support.client import Response
    from support.waf import Waf

    from waf_builder.engine.model import Engine

    from .conftest import Boot

pytestmark = pytest.mark.nginx

ROUTER, NEIGHBOUR = "127.0.2.7", "127.0.3.9"
ATTACK = "?q=%3Cscript%3Ealert(1)%3C/script%3E"

HTTPS = """\
backend: {host: 127.0.1.1, port: @PORT@}
client_ip: {trusted: [127.0.2.0/24]}
workers: 1
health: {path: /up}
https_only: true
"""
CANONICAL = """\
backend: {host: 127.0.1.1, port: @PORT@}
client_ip: {trusted: [127.0.2.0/24]}
workers: 1
canonical_host: www.example.com
routes:
  - {path: /}
  - {path: /v1/, hosts: [api.example.com, "*.shop.test"]}
"""
BOTH = HTTPS + "canonical_host: www.example.com\n"


def booted(spec: str, engine: Engine, boot: Boot, site: Backend) -> Waf:
    return boot(spec.replace("@PORT@", str(site.port)), engine)


@pytest.fixture
def https(engine: Engine, boot: Boot, site: Backend) -> Waf:
    return booted(HTTPS, engine, boot, site)


@pytest.fixture
def canonical(engine: Engine, boot: Boot, site: Backend) -> Waf:
    return booted(CANONICAL, engine, boot, site)


@pytest.fixture
def both(engine: Engine, boot: Boot, site: Backend) -> Waf:
    return booted(BOTH, engine, boot, site)


def answer(response: Response) -> tuple[int, str | None]:
    return response.status, response.header("Location")


class TestHttpsOnly:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_plain_http_is_redirected(self, https: Waf, site: Backend, method: str):
        marker = mark()
        response = https.ask(
            f"/{marker}%2F..;//a?b=%26{ATTACK}",
            method=method,
            host="Shop.Example.com:80",
            headers={"X-Forwarded-Proto": "http"},
            source=ROUTER,
        )
        location = f"https://shop.example.com/{marker}%2F..;//a?b=%26{ATTACK}"
        assert answer(response) == (301, location)
        assert https.access(marker)["event.action"] == "https_only"
        assert site.received() == []

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    def test_what_has_been_said_in_clear_is_refused(self, https: Waf, site: Backend, method: str):
        response = https.ask(
            "/", method=method, headers={"X-Forwarded-Proto": "http"}, body=b"", source=ROUTER
        )
        assert answer(response) == (403, None)
        assert site.received() == []

    @pytest.mark.parametrize(
        ("proto", "source", "status"),
        [
            ("https", ROUTER, 200),
            ("HTTPS", ROUTER, 200),
            ("http", ROUTER, 301),
            ("http", NEIGHBOUR, 301),
            # Sent to HTTPS, they would come back in the same way.
            (None, ROUTER, 403),
            ("", ROUTER, 403),
            ("https, http", ROUTER, 403),
            ("http, https", ROUTER, 403),
            ("https", NEIGHBOUR, 403),
            (None, NEIGHBOUR, 403),
        ],
    )
    def test_who_says_what(
        self, https: Waf, site: Backend, proto: str | None, source: str, status: int
    ):
        headers = {} if proto is None else {"X-Forwarded-Proto": proto}
        assert https.ask("/", headers=headers, source=source).status == status
        assert len(site.received()) == (status == 200)

    def test_who_follows_arrives(self, https: Waf):
        first = https.ask("/x", headers={"X-Forwarded-Proto": "http"}, source=ROUTER)
        assert first.header("Location") == "https://waf.test/x"
        assert https.ask("/x", headers={"X-Forwarded-Proto": "https"}, source=ROUTER).status == 200

    @pytest.mark.parametrize("headers", [{}, {"X-Forwarded-Proto": "http"}])
    def test_the_health_check_stays(self, https: Waf, headers: dict[str, str]):
        assert https.ask("/up", headers=headers, source=NEIGHBOUR).text == "ok\n"
        assert https.ask("/UP", headers=headers, source=NEIGHBOUR).status in {301, 403}

    @pytest.mark.parametrize("head", [b"", b"Host: \r\n"])
    def test_nobody_is_sent_to_no_host(self, https: Waf, head: bytes):
        """`https:///evil.test/` is evil.test for a browser."""
        data = b"GET /evil.test/ HTTP/1.0\r\n%sX-Forwarded-Proto: http\r\n\r\n" % head
        response = https.send(data, source=ROUTER)
        assert response.status in {400, 403}
        assert response.header("Location") is None

    @pytest.mark.parametrize("target", ["//evil.test/", "/%0d%0aSet-Cookie:%20a=b", "/\\evil.test"])
    def test_a_redirect_stays_on_the_host(self, https: Waf, target: str):
        response = https.ask(target, headers={"X-Forwarded-Proto": "http"}, source=ROUTER)
        assert answer(response) == (301, f"https://waf.test{target}")
        assert response.header("Set-Cookie") is None


class TestCanonicalHost:
    @pytest.mark.parametrize(
        "host", ["example.com", "www.example.com.evil.test", "xwww.example.com", "wwwxexample.com"]
    )
    @pytest.mark.parametrize(("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308)])
    def test_other_hosts_are_redirected(
        self, canonical: Waf, site: Backend, host: str, method: str, status: int
    ):
        response = canonical.ask(
            "/a%2Fb//c?d=%26",
            method=method,
            host=host,
            headers={"X-Forwarded-Proto": "https"},
            source=ROUTER,
            body=b"" if method == "POST" else None,
        )
        assert answer(response) == (status, "https://www.example.com/a%2Fb//c?d=%26")
        assert site.received() == []

    @pytest.mark.parametrize(
        "host", ["www.example.com", "WWW.Example.com", "www.example.com:8443", "www.example.com."]
    )
    def test_the_host_itself_is_not(self, canonical: Waf, host: str):
        assert canonical.ask("/", host=host).status == 200

    @pytest.mark.parametrize("host", ["api.example.com", "a.shop.test", "API.example.com:80"])
    def test_nor_is_one_that_a_route_names(self, canonical: Waf, host: str):
        assert canonical.ask("/v1/", host=host).status == 200
        assert canonical.ask("/", host=host).status == 200

    def test_the_scheme_is_the_one_that_was_asked_by(self, canonical: Waf):
        response = canonical.ask("/", headers={"X-Forwarded-Proto": "https"}, source=NEIGHBOUR)
        assert answer(response) == (301, "http://www.example.com/")

    @pytest.mark.parametrize("target", ["//evil.test", "/x?u=https://evil.test", "/@evil.test"])
    def test_a_redirect_leads_nowhere_else(self, canonical: Waf, target: str):
        response = canonical.ask(target, host="evil.test")
        assert answer(response) == (301, f"http://www.example.com{target}")

    def test_without_a_host(self, canonical: Waf):
        response = canonical.send(b"GET /x HTTP/1.0\r\n\r\n")
        assert answer(response) == (301, "http://www.example.com/x")

    def test_the_health_check_stays(self, canonical: Waf):
        assert canonical.ask("/__waf/health", host="10.0.0.1").text == "ok\n"

    def test_the_log_tells(self, canonical: Waf):
        marker = mark()
        canonical.ask(f"/{marker}", host="example.com")
        assert canonical.access(marker)["event.action"] == "canonical_host"


def test_both_are_one_redirect(both: Waf):
    headers = {"X-Forwarded-Proto": "http"}
    response = both.ask("/x?y", host="example.com", headers=headers, source=ROUTER)
    assert answer(response) == (301, "https://www.example.com/x?y")
    response = both.ask(
        "/x", host="example.com", headers={"X-Forwarded-Proto": "https"}, source=ROUTER
    )
    assert answer(response) == (301, "https://www.example.com/x")
