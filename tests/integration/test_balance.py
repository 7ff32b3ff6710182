"""How requests are spread over containers; knobs that the older nginx does not have."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from support.answers import hang_up

if TYPE_CHECKING:
    from pathlib import Path

    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

    from .conftest import Boot

pytestmark = pytest.mark.nginx

PATHS = ("/by-cookie/", "/by-client/", "/least/", "/random/", "/in-turn/", "/unkept/", "/alone/")


@pytest.fixture(scope="module")
def balancing(
    engine_new: Engine, boot: Boot, specs: Path, dns: NameServer, fleet: list[Backend]
) -> Waf:
    """A WAF before an app of three containers."""
    dns.set("app.internal", *(backend.name for backend in fleet))
    text = (specs / "balance.yaml").read_text(encoding="utf-8")
    spec = text.replace("@PORT@", str(fleet[0].port))
    return boot(spec, engine_new, ready=PATHS)


def reached(waf: Waf, path: str, count: int, **options: object) -> Counter[str]:
    """Return which containers answer, and how often."""
    answers = [waf.ask(path, **options) for _ in range(count)]  # type: ignore[arg-type]
    assert {answer.status for answer in answers} == {200}
    return Counter(answer.text for answer in answers)


def test_in_turn_is_even(balancing: Waf, fleet: list[Backend]):
    assert reached(balancing, "/in-turn/", 30) == {backend.name: 10 for backend in fleet}


@pytest.mark.parametrize("path", ["/least/", "/random/"])
def test_others_use_all(balancing: Waf, fleet: list[Backend], path: str):
    assert set(reached(balancing, path, 60)) == {backend.name for backend in fleet}


def test_a_cookie_keeps_its_container(balancing: Waf, fleet: list[Backend]):
    used = set()
    for number in range(20):
        headers = {"Cookie": f"session=user{number}"}
        (container,) = reached(balancing, "/by-cookie/", 5, headers=headers)
        used.add(container)
    assert used == {backend.name for backend in fleet}


def test_clients_without_the_cookie_are_spread(balancing: Waf, fleet: list[Backend]):
    assert set(reached(balancing, "/by-cookie/", 60)) == {backend.name for backend in fleet}


def test_a_client_keeps_its_container(balancing: Waf, fleet: list[Backend]):
    used = set()
    for number in range(1, 30):
        source = f"127.0.{number}.1"
        (container,) = reached(balancing, "/by-client/", 3, source=source)
        used.add(container)
    assert used == {backend.name for backend in fleet}


def test_keepalive_can_be_off(balancing: Waf, fleet: list[Backend]):
    for backend in fleet:
        backend.forget()
    reached(balancing, "/unkept/", 12)
    received = [one for backend in fleet for one in backend.received("/unkept/")]
    assert sum(backend.connections for backend in fleet) == len(received) == 12


def test_retries_can_be_none(balancing: Waf, fleet: list[Backend]):
    for backend in fleet:
        backend.on("/alone/hang-up", hang_up)
        backend.forget()
    assert balancing.ask("/alone/hang-up").status == 502
    assert sum(len(backend.received("/alone/hang-up")) for backend in fleet) == 1
