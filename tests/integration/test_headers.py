"""Headers that a spec changes, in both directions, and those that make browsers stricter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.answers import text
from support.waf import mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.backends import Backend
    from support.client import Response
    from support.waf import Waf

    from waf_builder.engine.model import Engine

    from .conftest import Boot

pytestmark = pytest.mark.nginx

ROUTER = "127.0.2.7"
ATTACK = "?q=%3Cscript%3Ealert(1)%3C/script%3E"
CSP = "default-src 'self'; img-src https: data:; report-uri /r?a=\"b\"\\c"

SPEC = """\
backend: {host: 127.0.1.1, port: @PORT@}
client_ip: {trusted: [127.0.2.0/24]}
workers: 1
headers:
  security: true
  response:
    set: {X-Common: one, Content-Security-Policy: "@CSP@", Cache-Control: "private"}
    remove: [X-Debug, ETag]
  request:
    set: {X-App: waf, Cookie: "a=b"}
    remove: [X-Internal, Authorization]
routes:
  - {path: /}
  - path: /own/
    headers:
      response: {set: {x-common: two, X-Own: "1"}, remove: [Cache-Control]}
      request: {set: {X-Internal: "yes"}, remove: [X-App]}
  - {path: /loose/, headers: {security: false}}
  - {path: /framed/, headers: {response: {set: {X-Frame-Options: DENY}}}}
  - {path: /unframed/, headers: {response: {remove: [X-Frame-Options]}}}
  - {path: /gated/, headers: {response: {set: {X-Own: "2"}}}, access: {allow: [192.0.2.0/24]}}
  - {path: /read/, methods: [GET]}
"""
STRICT = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
HSTS = "Strict-Transport-Security"


@pytest.fixture
def changing(engine: Engine, boot: Boot, site: Backend) -> Waf:
    csp = CSP.replace("\\", "\\\\").replace('"', '\\"')
    return boot(SPEC.replace("@PORT@", str(site.port)).replace("@CSP@", csp), engine)


def come(waf: Waf, target: str, headers: Mapping[str, str] = {}, **how: str) -> Response:
    return waf.ask(target, headers={"X-Forwarded-Proto": "https", **headers}, source=ROUTER, **how)


def app(site: Backend, target: str, *headers: tuple[str, str], status: str = "200 OK") -> None:
    site.on(target, text(b"app", status, headers=headers))


class TestResponse:
    def test_is_set_once_whatever_the_app_sends(self, changing: Waf, site: Backend):
        target = f"/{mark()}"
        app(site, target, ("X-Common", "app"), ("Cache-Control", "public"), ("X-Other", "app"))
        response = come(changing, target)
        assert response.all("X-Common") == ["one"]
        assert response.all("Cache-Control") == ["private"]
        assert response.all("Content-Security-Policy") == [CSP]
        assert response.all("X-Other") == ["app"]

    def test_is_removed(self, changing: Waf, site: Backend):
        target = f"/{mark()}"
        app(site, target, ("X-Debug", "secret"), ("etag", '"1"'), ("X-Powered-By", "x"))
        response = come(changing, target)
        assert [response.header(name) for name in ("X-Debug", "ETag", "X-Powered-By")] == [None] * 3

    def test_a_route_adds_and_wins_by_name(self, changing: Waf, site: Backend):
        target = f"/own/{mark()}"
        app(site, target, ("X-Common", "app"), ("Cache-Control", "public"), ("X-Debug", "secret"))
        response = come(changing, target)
        assert response.all("X-Common") == ["two"]
        assert response.all("X-Own") == ["1"]
        assert response.all("Content-Security-Policy") == [CSP]
        assert response.header("Cache-Control") is None
        assert response.header("X-Debug") is None
        for name, value in STRICT.items():
            assert response.all(name) == [value]

    @pytest.mark.parametrize("target", ["/ownx", "/OWN/x", "/x/own/"])
    def test_and_no_further(self, changing: Waf, target: str):
        response = come(changing, target)
        assert response.all("X-Common") in (["one"], [])
        assert response.header("X-Own") is None

    def test_holds_for_every_status(self, changing: Waf, site: Backend):
        target = f"/{mark()}"
        app(site, target, ("X-Common", "app"), status="500 Oh")
        response = come(changing, target)
        assert (response.status, response.all("X-Common")) == (500, ["one"])

    def test_holds_behind_a_gate(self, changing: Waf):
        response = come(changing, "/gated/x", {"X-Real-IP": "192.0.2.1"})
        assert (response.status, response.all("X-Own")) == (200, ["2"])


class TestSecurity:
    def test_all_four_where_the_app_sends_none(self, changing: Waf):
        response = come(changing, f"/{mark()}")
        for name, value in {**STRICT, HSTS: "max-age=31536000"}.items():
            assert response.all(name) == [value]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("X-Content-Type-Options", "NOSNIFF"),
            ("x-frame-options", "DENY"),
            ("Referrer-Policy", "no-referrer"),
            (HSTS, "max-age=0"),
        ],
    )
    def test_the_apps_own_word_stays_and_is_not_doubled(
        self, changing: Waf, site: Backend, name: str, value: str
    ):
        target = f"/{mark()}"
        app(site, target, (name, value))
        response = come(changing, target)
        assert response.all(name) == [value]
        assert len([key for key in (*STRICT, HSTS) if response.all(key)]) == 4

    @pytest.mark.parametrize("headers", [{"X-Forwarded-Proto": "http"}, {}])
    def test_no_promise_of_https_over_http(self, changing: Waf, headers: dict[str, str]):
        response = changing.ask("/", headers=headers, source=ROUTER)
        assert response.header(HSTS) is None
        assert response.all("X-Frame-Options") == ["SAMEORIGIN"]

    def test_a_neighbours_word_about_https_is_none(self, changing: Waf):
        headers = {"X-Forwarded-Proto": "https"}
        assert changing.ask("/", headers=headers, source="127.0.3.9").header(HSTS) is None

    def test_a_route_can_be_without(self, changing: Waf):
        response = come(changing, f"/loose/{mark()}")
        assert [response.all(name) for name in (*STRICT, HSTS)] == [[]] * 4
        assert response.all("X-Common") == ["one"]

    def test_what_is_set_or_removed_wins(self, changing: Waf, site: Backend):
        app(site, "/framed/", ("X-Frame-Options", "SAMEORIGIN"))
        app(site, "/unframed/", ("X-Frame-Options", "SAMEORIGIN"))
        assert come(changing, "/framed/").all("X-Frame-Options") == ["DENY"]
        assert come(changing, "/unframed/").all("X-Frame-Options") == []

    @pytest.mark.parametrize(
        ("target", "method", "status"),
        [(f"/{ATTACK}", "GET", 403), ("/read/", "DELETE", 405), ("/gated/", "GET", 403)],
    )
    def test_the_wafs_own_answers_have_them_too(
        self, changing: Waf, target: str, method: str, status: int
    ):
        response = come(changing, target, method=method)
        assert response.status == status
        for name, value in {**STRICT, HSTS: "max-age=31536000", "X-Common": "one"}.items():
            assert response.all(name) == [value]
        assert len(response.all("X-Request-ID")) == 1
        assert response.all("Cache-Control") in (["no-store"], ["private"])


class TestRequest:
    def test_is_set_and_removed(self, changing: Waf, site: Backend):
        target = f"/{mark()}"
        sent = {
            "X-App": "client",
            "Cookie": "c=d",
            "x-internal": "yes",
            "Authorization": "Bearer x",
            "X-Other": "client",
        }
        come(changing, target, sent)
        received = site.only(target)
        assert received.all("X-App") == ["waf"]
        assert received.all("Cookie") == ["a=b"]
        assert received.all("X-Internal") == []
        assert received.all("Authorization") == []
        assert received.all("X-Other") == ["client"]
        assert received.all("X-Forwarded-Proto") == ["https"]

    def test_a_route_adds_and_wins_by_name(self, changing: Waf, site: Backend):
        target = f"/own/{mark()}"
        come(changing, target, {"X-App": "client", "Authorization": "Bearer x"})
        received = site.only(target)
        assert received.all("X-Internal") == ["yes"]
        assert received.all("X-App") == []
        assert received.all("Cookie") == ["a=b"]
        assert received.all("Authorization") == []
        assert received.header("Host") == "waf.test"

    @pytest.mark.parametrize(
        "target", ["//own/x", "/./own/x", "/%6fwn/x", "/own/..%2fx", "/x/..%2fown/", "/own%2fx"]
    )
    def test_no_spelling_of_a_path_gets_another_routes(
        self, changing: Waf, site: Backend, target: str
    ):
        assert come(changing, target).status == 400
        assert site.received() == []

    def test_rules_read_what_the_client_sent(self, changing: Waf, site: Backend):
        marker = mark()
        response = come(changing, f"/{marker}", {"Cookie": "q=<script>alert(1)</script>"})
        assert response.status == 403
        assert site.received() == []
