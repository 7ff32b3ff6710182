"""Who the client is behind a CDN and the router, with every hop's headers forged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.waf import mark

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.backends import Backend
    from support.client import Response
    from support.waf import Waf

    from waf_builder.engine.model import Engine

    from .conftest import Boot

pytestmark = pytest.mark.nginx

ROUTER, NEIGHBOUR = "127.0.2.7", "127.0.3.9"
CDN, CDN_INSIDE = "203.0.113.10", "203.0.113.200"
CLIENT, FORGED, STRANGER = "198.51.100.7", "192.0.2.66", "198.51.100.99"
ATTACK = "?q=%3Cscript%3Ealert(1)%3C/script%3E"

AROUND = """\
backend: {host: 127.0.1.1, port: @PORT@}
workers: 1
health: {path: /up}
access: {deny: [192.0.2.0/24]}
"""
ALONE = AROUND + (
    "client_ip: {header: CF-Connecting-IP, trusted: [127.0.2.0/24],"
    ' proxies: [203.0.113.0/24, "2001:db8:cd::/48"]}\n'
)
CHAIN = AROUND + (
    "client_ip: {header: X-Forwarded-For, trusted: [127.0.2.0/24],"
    ' proxies: [203.0.113.0/24, "2001:db8:cd::/48"]}\n'
)


@pytest.fixture
def alone(engine: Engine, boot: Boot, site: Backend) -> Waf:
    return boot(ALONE.replace("@PORT@", str(site.port)), engine)


@pytest.fixture
def chain(engine: Engine, boot: Boot, site: Backend) -> Waf:
    return boot(CHAIN.replace("@PORT@", str(site.port)), engine)


def through_router(
    waf: Waf, target: str, peer: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Ask as the router does that `peer` has asked with these headers."""
    sent = dict(headers or {})
    chain = sent.pop("X-Forwarded-For", "")
    sent.pop("X-Real-IP", "")  # it replaces this one
    forwarded = f"{chain}, {peer}" if chain else peer
    return waf.ask(
        target,
        headers={**sent, "X-Real-IP": peer, "X-Forwarded-For": forwarded},
        source=ROUTER,
    )


class TestHeaderOfItsOwn:
    @pytest.mark.parametrize("cdn", [CDN, CDN_INSIDE, "2001:db8:cd::1"])
    @pytest.mark.parametrize("client", [CLIENT, "2001:db8:1::7"])
    def test_the_cdn_names_the_client(self, alone: Waf, site: Backend, cdn: str, client: str):
        marker = mark()
        response = through_router(alone, f"/{marker}", cdn, {"CF-Connecting-IP": client})
        assert response.status == 200
        assert alone.access(marker)["client.ip"] == client
        received = site.only(f"/{marker}")
        assert received.header("X-Real-IP") == client
        assert received.header("X-Forwarded-For") == client
        assert received.header("CF-Connecting-IP") == client

    def test_what_names_the_client_elsewhere_does_not_pass(self, alone: Waf, site: Backend):
        marker = mark()
        headers = {"CF-Connecting-IP": CLIENT, "True-Client-IP": FORGED, "Client-IP": FORGED}
        assert through_router(alone, f"/{marker}", CDN, headers).status == 200
        received = site.only(f"/{marker}")
        assert received.header("True-Client-IP") is None
        assert received.header("Client-IP") is None

    def test_rules_and_lists_see_that_client(self, alone: Waf):
        marker = mark()
        headers = {"CF-Connecting-IP": CLIENT}
        assert through_router(alone, f"/{marker}{ATTACK}", CDN, headers).status == 403
        assert alone.audit(marker)["client_ip"] == CLIENT
        denied = {"CF-Connecting-IP": "192.0.2.1"}
        assert through_router(alone, "/", CDN, denied).status == 403

    @pytest.mark.parametrize(
        "headers",
        [
            {"CF-Connecting-IP": FORGED},
            {"CF-Connecting-IP": CLIENT},
            {"CF-Connecting-IP": CDN},
            {"CF-Connecting-IP": FORGED, "X-Forwarded-For": CDN},
            {"CF-Connecting-IP": FORGED, "X-Real-IP": CDN},
            {"CF-Connecting-IP": FORGED, "X-Forwarded-For": f"{FORGED}, {CDN}"},
            {"CF-Connecting-IP": FORGED, "Forwarded": f"for={CDN}"},
            {},
        ],
    )
    def test_whoever_comes_past_the_cdn_is_refused(
        self, alone: Waf, site: Backend, headers: dict[str, str]
    ):
        marker = mark()
        assert through_router(alone, f"/{marker}", STRANGER, headers).status == 403
        assert alone.access(marker)["event.action"] == "client_ip"
        assert site.received() == []

    @pytest.mark.parametrize("source", [NEIGHBOUR, "127.0.0.1"])
    def test_a_neighbour_cannot_be_the_router(self, alone: Waf, site: Backend, source: str):
        headers = {"CF-Connecting-IP": FORGED, "X-Real-IP": CDN, "X-Forwarded-For": CDN}
        assert alone.ask("/", headers=headers, source=source).status == 403
        assert site.received() == []

    @pytest.mark.parametrize(
        "named", [None, "", "nobody", ROUTER, f"{CLIENT}:x", "198.51.100.256", "fe80::1%eth0"]
    )
    def test_a_cdn_that_names_nobody_is_refused(self, alone: Waf, site: Backend, named: str | None):
        headers = {} if named is None else {"CF-Connecting-IP": named}
        assert through_router(alone, "/", CDN, headers).status == 403
        assert site.received() == []

    @pytest.mark.parametrize("real_ip", [f"{FORGED}, {CDN}", "", "x", f"{CDN}, {FORGED}"])
    def test_the_routers_word_has_one_address(self, alone: Waf, site: Backend, real_ip: str):
        headers = {"X-Real-IP": real_ip, "CF-Connecting-IP": CLIENT}
        assert alone.ask("/", headers=headers, source=ROUTER).status == 403
        assert site.received() == []

    def test_the_health_check_is_for_everybody(self, alone: Waf):
        assert alone.ask("/up", source=NEIGHBOUR).text == "ok\n"
        assert alone.ask("/UP", source=NEIGHBOUR).status == 403


class TestChain:
    @pytest.mark.parametrize(
        ("peer", "sent", "client"),
        [
            # Through the CDN, which has added who asked it.
            (CDN, CLIENT, CLIENT),
            (CDN, f"{FORGED}, {CLIENT}", CLIENT),
            (CDN, f"{FORGED}, {CDN}, {CLIENT}", CLIENT),
            ("2001:db8:cd::1", "2001:db8:1::7", "2001:db8:1::7"),
            # Through two of its own hops.
            (CDN, f"{FORGED}, {CLIENT}, {CDN_INSIDE}", CLIENT),
            # Past it: who asked the router counts, whatever was written.
            (STRANGER, "", STRANGER),
            (STRANGER, FORGED, STRANGER),
            (STRANGER, f"{FORGED}, {CDN}", STRANGER),
            (STRANGER, CDN, STRANGER),
            (STRANGER, f"{ROUTER}, {CDN}", STRANGER),
        ],
    )
    def test_is_followed_back_to_the_first_unknown(
        self, chain: Waf, site: Backend, peer: str, sent: str, client: str
    ):
        marker = mark()
        response = through_router(
            chain, f"/{marker}", peer, {"X-Forwarded-For": sent, "CF-Connecting-IP": FORGED}
        )
        assert response.status == 200
        assert chain.access(marker)["client.ip"] == client
        received = site.only(f"/{marker}")
        assert received.header("X-Forwarded-For") == client
        assert received.header("X-Real-IP") == client
        assert received.header("CF-Connecting-IP") is None

    def test_lists_see_that_client(self, chain: Waf):
        assert through_router(chain, "/", CDN, {"X-Forwarded-For": FORGED}).status == 403
        assert through_router(chain, "/", STRANGER, {"X-Forwarded-For": FORGED}).status == 200

    def test_a_neighbour_is_itself(self, chain: Waf):
        marker = mark()
        headers = {"X-Forwarded-For": f"{FORGED}, {CDN}", "X-Real-IP": CDN}
        assert chain.ask(f"/{marker}", headers=headers, source=NEIGHBOUR).status == 200
        assert chain.access(marker)["client.ip"] == NEIGHBOUR

    def test_a_proxy_is_not_the_router(self, chain: Waf, site: Backend):
        """What only the router says about HTTPS is not taken from the CDN's ranges."""
        marker = mark()
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": CLIENT}
        chain.ask(f"/{marker}", headers=headers, source=NEIGHBOUR)
        assert site.only(f"/{marker}").header("X-Forwarded-Proto") == "http"
