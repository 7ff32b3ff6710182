"""Who the client is, and what the backend learns about the request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from support.client import HOST
from support.waf import mark

if TYPE_CHECKING:
    from support.backends import Backend
    from support.waf import Waf

pytestmark = pytest.mark.nginx

ROUTER = "127.0.2.7"
"""In client_ip.trusted of specs/main.yaml."""
NEIGHBOUR = "127.0.3.9"
"""Another app in the private network: not trusted."""
FORGED = "198.51.100.66"
ATTACK = "?q=%3Cscript%3Ealert(1)%3C/script%3E"

ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": FORGED},
        {"X-Real-IP": FORGED},
        {"X-Real-IP": FORGED, "X-Forwarded-For": f"{FORGED}, 127.0.2.7"},
        {"Forwarded": f"for={FORGED}", "True-Client-IP": FORGED, "X-Real-IP": FORGED},
    ],
    ids=["forwarded-for", "real-ip", "both", "others"],
)
def test_a_neighbour_cannot_forge_the_client(waf: Waf, site: Backend, headers: dict[str, str]):
    marker = mark()
    assert waf.ask(f"/{marker}", headers=headers, source=NEIGHBOUR).status == 200
    assert waf.access(marker)["client.ip"] == NEIGHBOUR
    received = site.only(f"/{marker}")
    assert received.header("X-Real-IP") == NEIGHBOUR
    assert received.header("X-Forwarded-For") == NEIGHBOUR
    assert received.header("Forwarded") is None


def test_the_rules_see_the_real_client(waf: Waf, site: Backend):
    forged, routed = mark(), mark()
    waf.ask(f"/{forged}{ATTACK}", headers={"X-Real-IP": FORGED}, source=NEIGHBOUR)
    waf.ask(f"/{routed}{ATTACK}", headers={"X-Real-IP": FORGED}, source=ROUTER)
    assert waf.audit(forged)["client_ip"] == NEIGHBOUR
    assert waf.audit(routed)["client_ip"] == FORGED
    assert waf.access(forged)["client.ip"] == NEIGHBOUR
    assert waf.access(routed)["client.ip"] == FORGED
    assert not site.received()


def test_the_router_names_the_client(waf: Waf, site: Backend):
    marker = mark()
    headers = {"X-Real-IP": "203.0.113.5", "X-Forwarded-For": "203.0.113.5"}
    assert waf.ask(f"/{marker}", headers=headers, source=ROUTER).status == 200
    assert waf.access(marker)["client.ip"] == "203.0.113.5"
    received = site.only(f"/{marker}")
    assert received.header("X-Real-IP") == "203.0.113.5"
    client = (received.header("X-Forwarded-For") or "").split(",")[0]
    assert client == "203.0.113.5"


def test_nonsense_from_the_router_is_not_a_client(waf: Waf, site: Backend):
    marker = mark()
    assert waf.ask(f"/{marker}", headers={"X-Real-IP": "unknown"}, source=ROUTER).status == 200
    assert waf.access(marker)["client.ip"] == ROUTER
    assert site.only(f"/{marker}").header("X-Real-IP") == ROUTER


class TestProto:
    def test_the_routers_word_is_passed_on(self, waf: Waf, site: Backend):
        waf.ask("/proto", headers={"X-Forwarded-Proto": "https"}, source=ROUTER)
        assert site.only("/proto").header("X-Forwarded-Proto") == "https"

    def test_without_a_router_it_is_http(self, waf: Waf, site: Backend):
        waf.ask("/proto")
        assert site.only("/proto").header("X-Forwarded-Proto") == "http"

    def test_nonsense_is_not_passed_on(self, waf: Waf, site: Backend):
        waf.ask("/proto", headers={"X-Forwarded-Proto": 'gopher"x'}, source=ROUTER)
        assert site.only("/proto").header("X-Forwarded-Proto") == "http"


class TestHost:
    def test_is_the_clients(self, waf: Waf, site: Backend):
        waf.ask("/host", host="shop.example.com")
        received = site.only("/host")
        assert received.header("Host") == "shop.example.com"
        assert received.header("X-Forwarded-Host") == "shop.example.com"

    def test_keeps_its_port(self, waf: Waf, site: Backend):
        waf.ask("/host", host=f"{HOST}:8443")
        assert site.only("/host").header("Host") == f"{HOST}:8443"

    def test_may_be_the_internal_name(self, waf: Waf, fleet: list[Backend]):
        third = fleet[2]
        waf.ask("/shop/admin/host")
        host = third.only("/shop/admin").header("Host")
        assert host in {"third.internal", f"third.internal:{third.port}"}


class TestRequestId:
    GIVEN = "3f2b8c1e-0d4a-4c5b-9e6f-7a8b9c0d1e2f"

    def test_is_made_and_the_same_everywhere(self, waf: Waf, site: Backend):
        marker = mark()
        waf.ask(f"/{marker}")
        used = site.only(f"/{marker}").header("X-Request-ID")
        assert used
        assert ID.fullmatch(used)
        assert waf.access(marker)["http.request.id"] == used

    def test_of_the_router_is_kept(self, waf: Waf, site: Backend):
        marker = mark()
        waf.ask(f"/{marker}", headers={"X-Request-ID": self.GIVEN}, source=ROUTER)
        assert site.only(f"/{marker}").header("X-Request-ID") == self.GIVEN
        assert waf.access(marker)["http.request.id"] == self.GIVEN

    @pytest.mark.parametrize("given", ["x" * 200, "a b", '"},{"x":"', "$request_id"])
    def test_that_is_none_is_replaced(self, waf: Waf, site: Backend, given: str):
        marker = mark()
        response = waf.ask(f"/{marker}", headers={"X-Request-ID": given}, source=ROUTER)
        used = waf.access(marker)["http.request.id"]
        assert ID.fullmatch(used)
        assert response.status in {200, 403}
        for received in site.received(f"/{marker}"):
            assert received.header("X-Request-ID") == used

    def test_is_in_the_audit_record(self, waf: Waf):
        marker = mark()
        waf.ask(f"/{marker}{ATTACK}", headers={"X-Request-ID": self.GIVEN}, source=ROUTER)
        assert waf.audit(marker)["unique_id"] == self.GIVEN

    def test_is_two_requests_two_ids(self, waf: Waf, site: Backend):
        marker = mark()
        waf.ask(f"/{marker}")
        waf.ask(f"/{marker}")
        first, second = site.received(f"/{marker}")
        assert first.header("X-Request-ID") != second.header("X-Request-ID")
