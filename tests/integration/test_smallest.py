"""The smallest spec, with the platform's own names: four keys and their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import waf as wafs
from support.answers import redirect
from support.waf import mark

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

NETWORK = "pn-ad0fd6a1-d05e-40ea-bf63-c4f8a75a9d8c"
NAME = f"myappbackend.ap-a71da13f-7c70-4c00-a644-eee8558d8053.{NETWORK}.private-network.internal"


@pytest.fixture(scope="module")
def smallest(
    engine: Engine, trees: Path, specs: Path, dns: NameServer, fleet: list[Backend]
) -> Iterator[Waf]:
    """The WAF of specs/smallest.yaml, in the private network that boot is told of."""
    text = (specs / "smallest.yaml").read_text(encoding="utf-8")
    tree = trees / mark()
    wafs.render(text.replace("@PORT@", str(fleet[0].port)), tree, engine)
    dns.set(NAME, fleet[0].name)
    environment = {"SCALINGO_PRIVATE_NETWORK_ID": NETWORK}
    with wafs.running(tree, resolver=dns.address, environment=environment) as waf:
        waf.await_backend("/")
        yield waf


def test_reaches_the_private_name(smallest: Waf, site: Backend):
    response = smallest.ask("/hello?x=1", host="www.example.com")
    assert (response.status, response.text) == (200, site.name)
    received = site.only("/hello")
    assert received.line == b"GET /hello?x=1 HTTP/1.1"
    assert received.header("Host") == "www.example.com"


def test_blocks_by_default(smallest: Waf, site: Backend):
    marker = mark()
    assert smallest.ask(f"/{marker}?id=1%27%20OR%201%3D1--%20").status == 403
    assert 942100 in smallest.rules(marker)
    assert site.received() == []


def test_trusts_no_client_address_from_outside_the_routers_range(smallest: Waf, site: Backend):
    marker = mark()
    headers = {"X-Real-IP": "198.51.100.66", "X-Forwarded-Proto": "https"}
    smallest.ask(f"/{marker}", headers=headers)
    received = site.only(f"/{marker}")
    assert received.header("X-Real-IP") == "127.0.0.1"
    assert received.header("X-Forwarded-Proto") == "http"
    assert smallest.access(marker)["client.ip"] == "127.0.0.1"


def test_hides_the_private_name_in_redirects(smallest: Waf, site: Backend):
    site.on("/to-private", redirect(f"http://{NAME}:{site.port}/login"))
    assert smallest.ask("/to-private").header("Location") == "/login"
