"""Who may come: by address, everywhere and on single routes, before any rule has looked."""

from __future__ import annotations

import ipaddress
import random
import resource
import shutil
from typing import TYPE_CHECKING

import pytest
from support import waf as wafs
from support.client import request
from support.waf import mark

from waf_builder.check import nginx
from waf_builder.check.tree import booted
from waf_builder.engine.link import link
from waf_builder.problem import errors_in

if TYPE_CHECKING:
    from pathlib import Path

    from support.backends import Backend
    from support.client import Response
    from support.waf import Waf

    from waf_builder.engine.model import Engine

    from .conftest import Boot

pytestmark = pytest.mark.nginx

ROUTER = "127.0.2.7"
ATTACK = "?q=%3Cscript%3Ealert(1)%3C/script%3E"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

AROUND = """\
backend: {host: 127.0.1.1, port: @PORT@}
client_ip: {trusted: [127.0.2.0/24]}
workers: 1
"""
EVERYWHERE = (
    AROUND
    + """\
health: {path: /up}
access:
  allow: [192.0.2.0/24, "2001:db8:1::/48", 203.0.113.7/32]
  deny: [192.0.2.64/26, "2001:db8:1:f::/64"]
routes:
  - {path: /}
  - {path: /small/, max_body: 1k}
"""
)
BY_ROUTE = (
    AROUND
    + """\
access: {deny: [198.51.100.0/24]}
routes:
  - {path: /site/}
  - {path: /adm/, access: {allow: [192.0.2.0/24]}, max_body: 1k}
  - {path: /adm/open/, access: off}
  - {path: /adm/detect/, access: {allow: [192.0.2.0/24]}, waf: {mode: detect}}
  - {path: /adm/off/, access: {allow: [192.0.2.0/24]}, waf: {mode: "off"}}
  - {path: /adm/ws, access: {allow: [192.0.2.0/24]}, websocket: true}
  - {path: /adm/one, exact: true, access: {allow: [192.0.2.1/32]}, methods: [GET]}
  - {path: /adm/, hosts: [other.test], access: {deny: [192.0.2.0/24]}}
"""
)

INSIDE, OUTSIDE, DENIED = "192.0.2.5", "203.0.113.9", "198.51.100.1"


def come(waf: Waf, client: str, target: str, **options: object) -> Response:
    """Ask as this client does, through the router."""
    headers = {"X-Real-IP": client, **dict(options.pop("headers", {}))}  # type: ignore[call-overload]
    return waf.ask(target, headers=headers, source=ROUTER, **options)  # type: ignore[arg-type]


def is_recorded(waf: Waf, wanted: str, path: str) -> bool:
    """Whether a record with this text has been written, once that of an attack on path has."""
    probe = mark()
    come(waf, INSIDE, f"{path}{probe}{ATTACK}")
    waf.audit(probe)
    return any(wanted in line for line in waf.stdout.lines)


@pytest.fixture
def everywhere(engine: Engine, boot: Boot, site: Backend) -> Waf:
    return boot(EVERYWHERE.replace("@PORT@", str(site.port)), engine)


@pytest.fixture
def by_route(engine: Engine, boot: Boot, site: Backend) -> Waf:
    return boot(BY_ROUTE.replace("@PORT@", str(site.port)), engine)


class TestEverywhere:
    @pytest.mark.parametrize(
        ("client", "status"),
        [
            ("192.0.2.5", 200),
            ("192.0.2.63", 200),
            ("192.0.2.64", 403),
            ("192.0.2.127", 403),
            ("192.0.2.128", 200),
            ("192.0.1.255", 403),
            ("192.0.3.0", 403),
            ("203.0.113.7", 200),
            ("203.0.113.8", 403),
            ("2001:db8:1::1", 200),
            ("2001:db8:1:f::1", 403),
            ("2001:db8:2::1", 403),
            ("::ffff:192.0.2.5", 200),
            ("::ffff:192.0.2.64", 403),
        ],
    )
    def test_the_smallest_range_decides(
        self, everywhere: Waf, site: Backend, client: str, status: int
    ):
        assert come(everywhere, client, f"/{mark()}").status == status
        assert len(site.received()) == (status == 200)

    def test_a_refusal_costs_no_rule_and_is_told_apart(self, everywhere: Waf):
        marker = mark()
        response = come(everywhere, OUTSIDE, f"/{marker}{ATTACK}")
        assert response.status == 403
        line = everywhere.access(marker)
        assert (line["event.action"], line["client.ip"]) == ("access", OUTSIDE)
        assert response.header("X-Request-ID") == line["http.request.id"]
        assert not is_recorded(everywhere, marker, "/")

    def test_the_rules_still_look_at_who_may_come(self, everywhere: Waf):
        marker = mark()
        assert come(everywhere, INSIDE, f"/{marker}{ATTACK}").status == 403
        assert everywhere.access(marker)["event.action"] == "block"
        assert everywhere.rules(marker)

    def test_a_neighbour_is_judged_by_its_own_address(self, everywhere: Waf):
        response = everywhere.ask("/", headers={"X-Real-IP": INSIDE}, source="127.0.3.9")
        assert response.status == 403

    @pytest.mark.parametrize("target", ["/up", "/up?x=1", "/x/../up", "/%75p"])
    def test_the_health_check_is_for_everybody(self, everywhere: Waf, target: str):
        assert come(everywhere, OUTSIDE, target).text == "ok\n"

    @pytest.mark.parametrize(
        "target",
        ["/UP", "/up/", "/up%0a", "/up/x", "/up%00", "/x/up", "//up/x", "/__waf/errors/403.html"],
    )
    def test_and_nothing_else_is(self, everywhere: Waf, site: Backend, target: str):
        assert come(everywhere, OUTSIDE, target).status in {400, 403, 404}
        assert site.received() == []

    def test_a_large_body_of_a_stranger_is_not_read(self, everywhere: Waf, site: Backend):
        response = come(everywhere, OUTSIDE, "/", method="POST", headers=FORM, body=b"a" * 200_000)
        assert response.status == 403
        assert site.received() == []

    def test_without_a_host(self, everywhere: Waf, site: Backend):
        assert everywhere.send(b"GET / HTTP/1.0\r\n\r\n").status == 403
        assert site.received() == []


class TestByRoute:
    @pytest.mark.parametrize(
        ("client", "target", "status"),
        [
            (OUTSIDE, "/site/x", 200),
            (DENIED, "/site/x", 403),
            (INSIDE, "/adm/x", 200),
            (OUTSIDE, "/adm/x", 403),
            (DENIED, "/adm/x", 403),
            (OUTSIDE, "/adm/open/x", 200),
            (DENIED, "/adm/open/x", 200),
            (OUTSIDE, "/adm/open", 301),
            (OUTSIDE, "/adm/detect/x", 403),
            (OUTSIDE, "/adm/off/x", 403),
            (OUTSIDE, "/adm/ws", 403),
            (INSIDE, "/adm/one", 403),
            ("192.0.2.1", "/adm/one", 200),
            (OUTSIDE, "/ADM/x", 404),
            (OUTSIDE, "/admin", 404),
            (OUTSIDE, "/", 404),
            (DENIED, "/", 403),
            (DENIED, "/ADM/x", 403),
        ],
    )
    def test_a_route_has_its_own_or_the_common_one(
        self, by_route: Waf, site: Backend, client: str, target: str, status: int
    ):
        assert come(by_route, client, target).status == status
        assert len(site.received()) == (status == 200)

    def test_a_host_has_its_own(self, by_route: Waf):
        assert come(by_route, INSIDE, "/adm/x", host="other.test").status == 403
        assert come(by_route, OUTSIDE, "/adm/x", host="other.test").status == 200
        assert come(by_route, OUTSIDE, "/adm/x", host="third.test").status == 403

    @pytest.mark.parametrize(
        "target",
        [
            "/site/../adm/x",
            "/site/%2e%2e/adm/x",
            "/site/..%2fadm/x",
            "//adm/x",
            "/./adm/x",
            "/%61dm/x",
            "/adm%2fx",
            "/adm//x",
            "/adm/x/../y",
            "/adm;x/",
            "/adm/;/x",
            "/adm/open/../x",
            "/adm/open/..%2fx",
            "/adm/open/..;/x",
            "/adm/open/%252e%252e/x",
            "/adm/open/..%5cx",
            "/adm/%2e%2e/adm/x",
        ],
    )
    def test_no_spelling_of_a_path_is_a_way_in(self, by_route: Waf, site: Backend, target: str):
        assert come(by_route, OUTSIDE, target).status in {400, 403, 404}
        assert site.received() == []

    def test_a_refusal_names_the_route_and_costs_no_rule(self, by_route: Waf):
        marker = mark()
        data = b"q=<script>alert(1)</script>"
        response = come(by_route, OUTSIDE, f"/adm/{marker}{ATTACK}", method="POST", body=data)
        assert response.status == 403
        line = by_route.access(marker)
        assert (line["event.action"], line["waf.route"]) == ("access", "/adm/")
        assert not is_recorded(by_route, marker, "/adm/")

    def test_without_a_host(self, by_route: Waf, site: Backend):
        head = b"GET /adm/x HTTP/1.0\r\nX-Real-IP: %s\r\n\r\n"
        assert by_route.send(head % OUTSIDE.encode(), source=ROUTER).status == 403
        assert site.received() == []


class TestBehindTheGate:
    """A route with a gate is the same route otherwise."""

    @pytest.mark.parametrize(
        "target", ["/adm/a%2Fb//c;d?x=%41&y", "/adm/%C3%A9?", "/adm/x%20y", "/adm/a+b?a=b%26c"]
    )
    def test_the_path_goes_through_as_it_was_sent(self, by_route: Waf, site: Backend, target: str):
        assert come(by_route, INSIDE, target).status == 200
        assert site.only("/adm/").target == target.encode()

    def test_rules_look_at_the_path(self, by_route: Waf, site: Backend):
        marker = mark()
        assert come(by_route, INSIDE, f"/adm/{marker}{ATTACK}").status == 403
        assert by_route.access(marker)["event.action"] == "block"
        assert by_route.rules(marker)
        assert site.received() == []

    @pytest.mark.parametrize("chunked", [False, True])
    def test_rules_look_at_the_body(self, by_route: Waf, site: Backend, chunked: bool):
        attack = b"q=%3Cscript%3Ealert(1)%3C/script%3E"
        data = request(
            "/adm/x",
            method="POST",
            headers={**FORM, "X-Real-IP": INSIDE},
            body=None if chunked else attack,
            chunks=[attack[:9], attack[9:]] if chunked else None,
        )
        assert by_route.send(data, source=ROUTER).status == 403
        assert site.received() == []

    def test_a_body_arrives_whole(self, by_route: Waf, site: Backend):
        body = b"q=" + b"x" * 1000
        assert (
            come(by_route, INSIDE, "/adm/x", method="POST", headers=FORM, body=body).status == 200
        )
        assert site.only("/adm/x").body == body

    @pytest.mark.parametrize("chunked", [False, True])
    def test_a_body_has_its_limit(self, by_route: Waf, site: Backend, chunked: bool):
        body = b"q=" + b"x" * 1100
        data = request(
            "/adm/x",
            method="POST",
            headers={**FORM, "X-Real-IP": INSIDE},
            body=None if chunked else body,
            chunks=[body] if chunked else None,
        )
        assert by_route.send(data, source=ROUTER).status == 413
        assert site.received() == []

    def test_modes_differ(self, by_route: Waf):
        detected, ignored = mark(), mark()
        assert come(by_route, INSIDE, f"/adm/detect/{detected}{ATTACK}").status == 200
        assert come(by_route, INSIDE, f"/adm/off/{ignored}{ATTACK}").status == 200
        assert by_route.access(detected)["event.action"] == "detect"
        assert by_route.access(ignored)["event.action"] == "off"
        assert by_route.rules(detected)
        assert not is_recorded(by_route, ignored, "/adm/")

    def test_methods_are_refused(self, by_route: Waf):
        response = come(by_route, "192.0.2.1", "/adm/one", method="DELETE")
        assert (response.status, response.header("Allow")) == (405, "GET, HEAD")

    @pytest.mark.parametrize("query", ["", "?a=%2F&b"])
    def test_a_missing_slash_is_completed(self, by_route: Waf, query: str):
        response = come(by_route, INSIDE, f"/adm{query}")
        assert (response.status, response.header("Location")) == (301, f"/adm/{query}")


SIZE = 50_000


def test_fifty_thousand_ranges_load_in_a_second(engine: Engine, trees: Path):
    few = trees / f"few-ranges-{engine.nginx_version}"
    wafs.render(EVERYWHERE.replace("@PORT@", "3000"), few, engine)
    numbers = random.Random(1).sample(range(1 << 24), SIZE)
    listed = [f"{ipaddress.ip_network((number << 8, 24))} 1;" for number in numbers[: SIZE // 2]]
    listed += [f"2001:db8:{number:x}::/48 1;" for number in range(SIZE // 2)]
    many = trees / f"many-ranges-{engine.nginx_version}"
    shutil.copytree(few, many, symlinks=True)
    (many / "access/1.conf").write_text("\n".join(listed))
    assert seconds_to_load(many, engine) - seconds_to_load(few, engine) < 1


def seconds_to_load(tree: Path, engine: Engine) -> float:
    """Return the CPU time that `nginx -t` takes for a tree."""
    with booted(tree) as staging:
        link(engine, staging)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert not errors_in(nginx.check(staging, engine))
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
