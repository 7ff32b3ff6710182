"""Which backend a request reaches, by host, path and method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.waf import mark

if TYPE_CHECKING:
    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

    from .conftest import Boot

pytestmark = pytest.mark.nginx

SITE, API, THIRD = b"127.0.1.1", b"127.0.1.2", b"127.0.1.3"


@pytest.mark.parametrize(
    ("target", "backend"),
    [
        ("/", SITE),
        ("/index.html", SITE),
        ("/shop", API),
        ("/shop/", API),
        ("/shop/shoes?size=43", API),
        ("/shopping", API),  # a prefix is of characters, as in nginx
        ("/shop/admin", THIRD),
        ("/shop/admin/users", THIRD),
        ("/shop/cart", THIRD),
        ("/shop/cart?x=1", THIRD),
        ("/shop/cart/", API),
        ("/shop/cart2", API),
        ("/Shop", SITE),
        ("/x/shop", SITE),
        ("/shop/admin/../x", API),
        ("/shop%2Fadmin", THIRD),
        ("/shop/./admin", THIRD),
        ("//shop", API),
    ],
)
def test_the_longest_path_wins(waf: Waf, fleet: list[Backend], target: str, backend: bytes):
    marker = mark()
    response = waf.ask(target, headers={"X-Marker": marker})
    if response.status == 403:  # a dot-dot may be refused, never sent elsewhere
        assert ".." in target
        return
    assert (response.status, response.body) == (200, backend)


@pytest.mark.parametrize(
    ("host", "target", "backend"),
    [
        ("api.waf.test", "/", API),
        ("API.waf.TEST", "/", API),
        ("api.waf.test:8080", "/", API),
        ("api.waf.test.", "/", API),
        ("v1.api.waf.test", "/", API),
        ("api.waf.test", "/v2/x", THIRD),
        ("v1.api.waf.test", "/v2/x", API),
        ("waf.test", "/v2/x", SITE),
        ("other.test", "/", SITE),
        ("notapi.waf.test", "/", SITE),
        ("api.waf.test.evil.test", "/", SITE),
    ],
)
def test_hosts_have_routes_of_their_own(waf: Waf, host: str, target: str, backend: bytes):
    assert waf.ask(target, host=host).body == backend


def test_a_host_has_the_routes_for_every_host_too(waf: Waf):
    """A route without hosts holds for every host; only the same path is replaced."""
    assert waf.ask("/shop", host="api.waf.test").body == API
    assert waf.ask("/shop/admin", host="api.waf.test").body == THIRD


HOSTS_ONLY = """\
backend: {host: site.internal, port: @PORT@}
health: {path: /healthz}
routes:
  - {hosts: [api.waf.test], path: /v1/}
  - {hosts: [www.waf.test], path: /, waf: {paranoia_level: 2}}
"""


@pytest.fixture(scope="module")
def hosts_only(engine: Engine, boot: Boot, dns: NameServer, fleet: list[Backend]) -> Waf:
    """A WAF that answers for two hosts and no other."""
    dns.set("site.internal", fleet[0].name)
    spec = HOSTS_ONLY.replace("@PORT@", str(fleet[0].port))
    return boot(spec, engine, ready=["/"], host="www.waf.test")


class TestHostsOnly:
    @pytest.mark.parametrize(
        ("host", "target", "status"),
        [
            ("api.waf.test", "/v1/things", 200),
            ("api.waf.test", "/v2/things", 404),
            ("api.waf.test", "/v1/..%2fsecret", 400),
            ("www.waf.test", "/v2/things", 200),
            ("other.test", "/v1/things", 404),
            ("10.240.0.7", "/", 404),
            ("other.test", "/healthz", 200),
            ("www.waf.test", "/__waf/health", 200),
        ],
    )
    def test_what_no_route_covers_is_refused(
        self, hosts_only: Waf, site: Backend, host: str, target: str, status: int
    ):
        response = hosts_only.ask(target, host=host)
        assert response.status == status
        passes = status == 200 and target != "/healthz"
        assert len(site.received()) == passes

    def test_each_host_has_its_policy(self, hosts_only: Waf):
        line_break = "?text=one%0Atwo"  # rule 921151, paranoia level 2
        assert hosts_only.ask(f"/v1/{line_break}", host="api.waf.test").status == 200
        assert hosts_only.ask(f"/{line_break}", host="www.waf.test").status == 403


class TestMethods:
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_get_includes_head(self, waf: Waf, method: str):
        assert waf.ask("/read/x", method=method).status == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
    def test_others_are_405(self, waf: Waf, site: Backend, method: str):
        response = waf.ask("/read/x", method=method)
        assert response.status == 405
        assert site.received() == []

    def test_405_says_which_are_allowed(self, waf: Waf):
        """RFC 9110, 15.5.6: the response must carry Allow."""
        allowed = waf.ask("/read/x", method="DELETE").header("Allow") or ""
        assert {one.strip() for one in allowed.split(",")} == {"GET", "HEAD"}

    @pytest.mark.parametrize(
        ("method", "status"), [("POST", 200), ("PUT", 200), ("GET", 405), ("HEAD", 405)]
    )
    def test_may_leave_get_out(self, waf: Waf, method: str, status: int):
        assert waf.ask("/write/x", method=method).status == status

    def test_are_not_case_insensitive(self, waf: Waf, site: Backend):
        assert waf.ask("/read/x", method="get").status in {400, 405}
        assert site.received() == []


class TestHealth:
    PATH = "/__waf/health"

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_is_answered_by_the_waf(self, waf: Waf, fleet: list[Backend], method: str):
        assert waf.ask(self.PATH, method=method).status == 200
        assert [one.received() for one in fleet] == [[], [], []]

    def test_is_not_inspected(self, waf: Waf):
        marker = mark()
        assert waf.ask(f"{self.PATH}?{marker}=%3Cscript%3Ealert(1)%3C/script%3E").status == 200
        assert not waf.has_audit(marker)

    def test_is_not_logged(self, waf: Waf):
        marker, after = mark(), mark()
        waf.ask(self.PATH, headers={"User-Agent": marker})
        waf.ask(f"{self.PATH}?{marker}")
        waf.ask(f"/{after}")
        waf.access(after)
        assert not [line for line in waf.stderr.lines if marker in line or self.PATH in line]

    def test_is_one_path_only(self, waf: Waf):
        attack = "?q=%3Cscript%3Ealert(1)%3C/script%3E"
        assert waf.ask(f"{self.PATH}/x{attack}").status == 403
        assert waf.ask(f"{self.PATH}x").body == SITE

    def test_answers_on_every_host(self, waf: Waf, fleet: list[Backend]):
        for host in ("api.waf.test", "10.240.0.3:8080", "whatever"):
            assert waf.ask(self.PATH, host=host).status == 200
        assert [one.received() for one in fleet] == [[], [], []]
