"""Backends are names whose addresses live 5 seconds: found, followed and lost while running."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.answers import hang_up
from support.backends import containers, unreachable
from support.client import request
from support.dns import TTL
from support.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

    from .conftest import Boot

pytestmark = pytest.mark.nginx

SPEC = Path(__file__).parent / "specs" / "moving.yaml"

FOLLOWS = TTL + 1
"""Seconds until all traffic goes where the records point: their life and nginx's second."""

NAMES = ("rolling", "orphan", "three", "gone", "stale", "kept", "twin", "v6")
"""The backends of specs/moving.yaml that exist at the start; `late` does not."""


@pytest.fixture(scope="module")
def crew() -> Iterator[list[Backend]]:
    """Four containers; the first hangs up on every request below /twin/hang-up/."""
    with containers(4) as backends:
        backends[0].on("/twin/hang-up/", hang_up)
        yield backends


@pytest.fixture(autouse=True)
def everyone_lives(crew: list[Backend]) -> Iterator[None]:
    """Start the containers that a test has stopped."""
    yield
    for container in crew:
        container.stop()
        container.start()


@pytest.fixture(scope="module")
def moving(engine: Engine, boot: Boot, dns: NameServer, crew: list[Backend]) -> Waf:
    """A WAF before backends that move; every name but late has the first container."""
    for name in NAMES:
        dns.set(f"{name}.internal", crew[0].name)
    dns.remove("late.internal")
    spec = SPEC.read_text(encoding="utf-8")
    spec = spec.replace("@PORT@", str(crew[0].port))
    return boot(spec, engine, ready=[f"/{name}/" for name in NAMES])


new_only = pytest.mark.parametrize("engine", ["new"], indirect=True)
old_only = pytest.mark.parametrize("engine", ["old"], indirect=True)


def settle(waf: Waf, path: str, *containers: Backend) -> None:
    """Wait until the path's traffic goes to all of these containers and to no other."""
    wanted = {container.name for container in containers}
    deadline = time.monotonic() + FOLLOWS + 4
    while time.monotonic() < deadline:
        seen = {waf.ask(path).body.decode() for _ in range(12)}
        if seen == wanted:
            return
        time.sleep(0.2)
    raise AssertionError(f"{path} does not settle on {wanted}: {seen}")


@pytest.mark.slow
def test_records_that_change_under_load_lose_no_request(
    moving: Waf, dns: NameServer, crew: list[Backend]
):
    """A deployment, a scaling out and a scaling in, under load."""
    first, second, third, fourth = crew
    name, path = "rolling.internal", "/rolling/x"
    dns.set(name, first.name, second.name)
    settle(moving, path, first, second)
    with Load(moving.address, request(path)) as load:
        steps = [
            ((third,), ()),                     # a deployment: new containers, old ones live on
            ((third, fourth, first), ()),       # scaled out
            ((third, fourth), (first,)),        # scaled in: the container dies with its record
        ]  # fmt: skip
        for now, dead in steps:
            changed = time.monotonic()
            dns.set(name, *(container.name for container in now))
            for container in dead:
                container.stop()
            wanted = {container.name for container in now}
            for container in now:
                left = changed + FOLLOWS - time.monotonic()
                assert load.wait_for(lambda one, to=container.name: one.body == to, left), wanted
            time.sleep(max(0.0, changed + FOLLOWS - time.monotonic()))
            moment = time.monotonic()
            assert load.wait_for(lambda one, since=moment: one.at > since + 0.5, 5)
            assert {one.body for one in load.since(moment)} == wanted
    assert load.failures == []
    assert len(load.samples) > 100


@pytest.mark.slow
class TestDnsGone:
    """The name servers answer nothing for 20 seconds."""

    SECONDS = 20

    @new_only
    def test_changes_nothing_where_nginx_resolves_in_the_upstream(
        self, moving: Waf, dns: NameServer, crew: list[Backend]
    ):
        settle(moving, "/orphan/x", crew[0])
        with (
            Load(moving.address, request("/orphan/x"), pause=0.1) as load,
            dns.silence("orphan.internal"),
        ):
            asked = dns.queries("orphan.internal")
            time.sleep(self.SECONDS)
            assert dns.queries("orphan.internal") > asked, "nginx has tried to look it up again"
        assert load.failures == []
        assert len(load.samples) > 100

    @old_only
    def test_is_survived_where_a_variable_is_resolved(
        self, moving: Waf, dns: NameServer, crew: list[Backend]
    ):
        """What the older nginx can promise.

        Requests pass while the last answer lives, then fail with the WAF's own page within the
        resolver's timeout, and pass again as soon as the name servers answer.
        """
        settle(moving, "/orphan/x", crew[0])
        with Load(moving.address, request("/orphan/x"), pause=0.1) as load:
            silent = time.monotonic()
            with dns.silence("orphan.internal"):
                time.sleep(self.SECONDS)
            back = time.monotonic()
            assert load.wait_for(lambda one: one.at > back and not one.failed, FOLLOWS)
        assert not [one for one in load.failures if one.at < silent]
        assert {one.status for one in load.failures} <= {502, 504}
        assert max(one.seconds for one in load.samples) < 12
        assert [one for one in load.since(back + FOLLOWS) if one.failed] == []


@pytest.mark.slow
def test_a_name_that_does_not_exist_at_start_is_502_fast_and_then_found(
    moving: Waf, dns: NameServer, crew: list[Backend]
):
    began = time.monotonic()
    response = moving.ask("/late/x")
    assert (response.status, json.loads(response.body)["status"]) == (502, 502)
    assert time.monotonic() - began < 2
    assert moving.ask("/twin/x").status == 200, "the other backends are not affected"
    with Load(moving.address, request("/late/x"), clients=1, pause=0.2) as load:
        dns.set("late.internal", crew[1].name)
        assert load.wait_for(lambda one: one.body == crew[1].name, 15)


@pytest.mark.slow
def test_name_servers_that_are_silent_at_start_stop_nothing(
    engine: Engine, boot: Boot, dns: NameServer, crew: list[Backend]
):
    dns.set("mute.internal", crew[0].name)
    with dns.silence("mute.internal"):
        waf = boot(f"backend: {{host: mute.internal, port: {crew[0].port}}}\n", engine, ready=[])
        assert waf.ask("/__waf/health").status == 200
        began = time.monotonic()
        assert waf.ask("/x").status == 502
        assert time.monotonic() - began < 11
    with Load(waf.address, request("/x"), clients=1, pause=0.2) as load:
        assert load.wait_for(lambda one: one.body == crew[0].name, 15)


def test_one_of_three_containers_dead_fails_no_request(
    moving: Waf, dns: NameServer, crew: list[Backend]
):
    dns.set("three.internal", *(container.name for container in crew[:3]))
    settle(moving, "/three/x", *crew[:3])
    crew[1].stop()
    samples = [moving.ask("/three/x") for _ in range(40)]
    assert {one.status for one in samples} == {200}
    assert {one.text for one in samples} == {crew[0].name, crew[2].name}
    # Nothing had been sent to the dead one, so a POST may go to another.
    posts = [moving.ask("/three/x", method="POST", body=b"a=1") for _ in range(20)]
    assert {one.status for one in posts} == {200}


def test_all_containers_dead_is_502_fast_and_over_when_one_is_back(
    moving: Waf, dns: NameServer, crew: list[Backend]
):
    dns.set("gone.internal", crew[0].name, crew[1].name)
    settle(moving, "/gone/x", crew[0], crew[1])
    crew[0].stop()
    crew[1].stop()
    began = time.monotonic()
    assert {moving.ask("/gone/x").status for _ in range(10)} == {502}
    assert time.monotonic() - began < 2
    with Load(moving.address, request("/gone/x"), clients=1, pause=0.1) as load:
        crew[1].start()
        assert load.wait_for(lambda one: one.body == crew[1].name, FOLLOWS + 6)


def test_an_unreachable_container_costs_a_connect_timeout_once(
    moving: Waf, dns: NameServer, crew: list[Backend]
):
    """A stale address, whose packets nobody answers: 2 s, then another container."""
    with unreachable("127.0.1.9", crew[0].port):
        dns.set("stale.internal", crew[0].name, "127.0.1.9")
        with Load(moving.address, request("/stale/x"), clients=1) as load:
            slow = load.wait_for(lambda one: one.seconds > 1, FOLLOWS + 6)
    assert slow
    assert slow.seconds < 4
    assert load.failures == []


class TestRetries:
    @pytest.fixture
    def twins(self, moving: Waf, dns: NameServer, crew: list[Backend]) -> list[Backend]:
        """Two containers: the first hangs up on everything, the second answers."""
        dns.set("twin.internal", crew[0].name, crew[1].name)
        settle(moving, "/twin/x", crew[0], crew[1])
        for container in crew:
            container.forget()
        return crew[:2]

    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_a_safe_request_is_tried_elsewhere(
        self, moving: Waf, twins: list[Backend], method: str
    ):
        path = f"/twin/hang-up/{method}"
        for _ in range(8):
            assert moving.ask(path, method=method).status == 200
        assert len(twins[0].received(path)) >= 1
        assert len(twins[1].received(path)) == 8

    @pytest.mark.parametrize("method", ["POST", "PATCH"])
    def test_one_with_an_effect_is_never_repeated(
        self, moving: Waf, twins: list[Backend], method: str
    ):
        path = f"/twin/hang-up/{method}"
        bodies = [f"order={number}".encode() for number in range(8)]
        statuses = [moving.ask(path, method=method, body=body).status for body in bodies]
        received = Counter(one.body for twin in twins for one in twin.received(path))
        assert received == Counter(bodies)
        assert set(statuses) == {200, 502}
        assert statuses.count(502) == len(twins[0].received(path))


@new_only
def test_connections_to_the_backend_are_kept(moving: Waf, dns: NameServer, crew: list[Backend]):
    settle(moving, "/kept/x", crew[0])
    crew[0].forget()
    with Load(moving.address, request("/kept/y"), clients=3, pause=0.005) as load:
        assert load.wait_for(lambda _: len(load.samples) >= 100, 10)
    assert load.failures == []
    assert crew[0].connections <= 9  # idle ones are closed, as on a machine that is busy


@pytest.mark.parametrize("answer", ["servfail", "nxdomain", "drop", ("::1",)], ids=str)
def test_what_the_name_servers_say_of_ipv6_does_not_matter(
    moving: Waf, dns: NameServer, crew: list[Backend], answer: tuple[str, ...] | str
):
    """The private network has A records only."""
    dns.set_ipv6("v6.internal", answer)
    assert moving.ask("/v6/x").status == 200
    assert dns.queries("v6.internal", "AAAA") == 0
