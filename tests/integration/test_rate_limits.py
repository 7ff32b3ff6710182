"""Rate limits, connection limits and passwords: asked for before any rule has looked."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
from support import waf as wafs
from support.answers import held
from support.client import Connection, request
from support.waf import mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from support.backends import Backend
    from support.client import Response
    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

ROUTER = "127.0.2.7"
ATTACK = "?q=%3Cscript%3Ealert(1)%3C/script%3E"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PASSWORD = "a:b'c \"d$e\\é#"  # noqa: S105
HTML = {"Accept": "text/html"}

SPEC = """\
backend: {host: 127.0.1.1, port: @PORT@}
client_ip: {trusted: [127.0.2.0/24]}
workers: 2
rate_limit: {rate: 1r/m, burst: 3}
max_connections: 2
routes:
  - {path: /}
  - {path: /same/}
  - {path: /own/, rate_limit: {rate: 1r/m, burst: 1}, max_connections: off}
  - {path: /free/, rate_limit: off, max_connections: off}
  - {path: /one/, rate_limit: {rate: 1r/m, burst: 0, status: 503}}
  - {path: /usual/, rate_limit: {rate: 6r/m}}
  - {path: /dry/, rate_limit: {rate: 1r/m, burst: 0, dry_run: true}}
  - {path: /key/, rate_limit: {rate: 1r/m, burst: 0, by: "header:X-Api-Key"}}
  - {path: /cookie/, rate_limit: {rate: 1r/m, burst: 0, by: "cookie:sid"}}
  - {path: /single/, rate_limit: off, max_connections: 1}
  - {path: /in/, rate_limit: off, basic_auth: {user: me, password_env: TEST_PASSWORD}}
  - {path: /in/open/, rate_limit: off, basic_auth: off}
  - {path: /in/other/, rate_limit: off, basic_auth: {user: you, password_env: OTHER_PASSWORD}}
  - path: /guess/
    rate_limit: {rate: 1r/m, burst: 1}
    basic_auth: {user: me, password_env: TEST_PASSWORD}
"""
ENVIRONMENT = {"TEST_PASSWORD": PASSWORD, "OTHER_PASSWORD": "other"}


@pytest.fixture(scope="module")
def booted(engine: Engine, trees: Path, fleet: list[Backend]) -> Iterator[Waf]:
    tree = trees / f"limits-{engine.nginx_version}"
    wafs.render(SPEC.replace("@PORT@", str(fleet[0].port)), tree, engine)
    with wafs.running(tree, resolver="127.0.0.1", environment=ENVIRONMENT) as waf:
        yield waf


@pytest.fixture
def limited(booted: Waf, site: Backend) -> Waf:
    assert site.received() == []
    return booted


_clients = iter(range(1, 250))


@pytest.fixture
def client() -> str:
    """An address that no other test has."""
    return f"198.51.100.{next(_clients)}"


def come(waf: Waf, client: str, target: str, headers: Mapping[str, str] | None = None) -> Response:
    return waf.ask(target, headers={"X-Real-IP": client, **(headers or {})}, source=ROUTER)


def statuses(waf: Waf, client: str, target: str, count: int, **headers: str) -> list[int]:
    return [come(waf, client, target, headers).status for _ in range(count)]


def credentials(user: str, password: str) -> dict[str, str]:
    both = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {both}"}


class TestRate:
    def test_the_burst_passes_at_once_and_what_is_more_is_refused(
        self, limited: Waf, site: Backend, client: str
    ):
        assert statuses(limited, client, "/", 6) == [200] * 4 + [429] * 2
        assert len(site.received()) == 4

    def test_one_limit_holds_over_routes_and_workers(self, limited: Waf, client: str):
        assert statuses(limited, client, "/", 2) == [200] * 2
        assert statuses(limited, client, "/same/", 3) == [200, 200, 429]
        assert statuses(limited, client, "/", 1) == [429]

    def test_a_route_counts_by_itself(self, limited: Waf, client: str):
        assert statuses(limited, client, "/own/", 3) == [200, 200, 429]
        assert statuses(limited, client, "/", 5) == [200] * 4 + [429]
        assert statuses(limited, client, "/free/", 6) == [200] * 6

    def test_clients_are_told_apart(self, limited: Waf, client: str):
        assert statuses(limited, client, "/one/", 2) == [200, 503]
        assert statuses(limited, f"203.0.113.{client.rsplit('.', maxsplit=1)[-1]}", "/one/", 1) == [
            200
        ]

    def test_an_ipv6_network_is_one_client(self, limited: Waf, client: str):
        number = int(client.rsplit(".", maxsplit=1)[-1])
        assert statuses(limited, f"2001:db8:0:{number:x}::1", "/one/", 1) == [200]
        assert statuses(limited, f"2001:db8:0:{number:x}:ffff:ffff:ffff:ffff", "/one/", 1) == [503]
        assert statuses(limited, f"2001:db8:1:{number:x}::1", "/one/", 1) == [200]

    def test_an_ipv4_address_written_as_ipv6_is_itself(self, limited: Waf, client: str):
        assert statuses(limited, client, "/one/", 1) == [200]
        assert statuses(limited, f"::ffff:{client}", "/one/", 1) == [503]

    def test_a_neighbour_cannot_choose_who_is_counted(self, limited: Waf, client: str):
        source = f"127.0.3.{client.rsplit('.', maxsplit=1)[-1]}"
        for number, status in enumerate([200, 503, 503]):
            headers = {"X-Real-IP": f"203.0.113.{number}", "X-Forwarded-For": f"10.0.0.{number}"}
            assert limited.ask("/one/", headers=headers, source=source).status == status

    def test_without_a_number_the_burst_is_at_least_five(self, limited: Waf, client: str):
        assert statuses(limited, client, "/usual/", 7) == [200] * 6 + [429]

    @pytest.mark.parametrize(
        ("target", "wait"), [("/own/", "60"), ("/one/", "60"), ("/usual/", "10")]
    )
    def test_the_answer_says_when_to_come_back(
        self, limited: Waf, client: str, target: str, wait: str
    ):
        answers = [come(limited, client, target, HTML) for _ in range(8)]
        assert answers[0].header("Retry-After") is None
        assert answers[-1].status in {429, 503}
        assert answers[-1].header("Retry-After") == wait
        assert answers[-1].header("Cache-Control") == "no-store"

    def test_the_answer_is_a_page(self, limited: Waf, client: str):
        marker = mark()
        statuses(limited, client, "/own/", 2)
        page = come(limited, client, f"/own/{marker}", HTML)
        used = limited.access(marker)["http.request.id"]
        assert "Too many requests" in page.text
        assert used in page.text
        program = come(limited, client, "/own/", {"Accept": "application/json"})
        assert json.loads(program.body)["status"] == 429

    def test_a_refusal_is_told_apart_and_costs_no_rule(self, limited: Waf, client: str):
        marker, probe = mark(), mark()
        statuses(limited, client, "/own/", 2)
        assert come(limited, client, f"/own/{marker}{ATTACK}").status == 429
        line = limited.access(marker)
        assert (line["event.action"], line["waf.route"]) == ("limit", "/own/")
        come(limited, client, f"/free/{probe}{ATTACK}")
        limited.audit(probe)
        assert not any(marker in line for line in limited.stdout.lines)

    def test_rules_hold_for_what_passes(self, limited: Waf, client: str):
        marker = mark()
        assert come(limited, client, f"/own/{marker}{ATTACK}").status == 403
        assert limited.access(marker)["event.action"] == "block"

    def test_a_dry_run_refuses_nothing_and_is_logged(self, limited: Waf, client: str):
        first, second = mark(), mark()
        assert come(limited, client, f"/dry/{first}").status == 200
        answer = come(limited, client, f"/dry/{second}")
        assert (answer.status, answer.header("Retry-After")) == (200, None)
        assert limited.access(first)["waf.limit"] == "PASSED"
        assert limited.access(second)["waf.limit"] == "REJECTED_DRY_RUN"

    @pytest.mark.parametrize(
        "target", ["/one/x", "//one/x", "/%6fne/x", "/x/../one/x", "/one/;/", "/one/%2e/x"]
    )
    def test_no_spelling_of_a_path_is_counted_elsewhere(
        self, limited: Waf, site: Backend, client: str, target: str
    ):
        assert statuses(limited, client, "/one/", 1) == [200]
        site.forget()
        assert statuses(limited, client, target, 1)[0] in {400, 503}
        assert site.received() == []


class TestKeys:
    def test_a_header_is_who_one_is(self, limited: Waf, client: str):
        one, two = {"X-Api-Key": mark()}, {"X-Api-Key": mark()}
        assert come(limited, client, "/key/", one).status == 200
        assert come(limited, client, "/key/", one).status == 429
        assert come(limited, "203.0.113.1", "/key/", one).status == 429
        assert come(limited, client, "/key/", two).status == 200

    @pytest.mark.parametrize("headers", [{}, {"X-Api-Key": ""}, {"X-Api-Key": "  "}])
    def test_leaving_it_out_is_no_way_around(
        self, limited: Waf, client: str, headers: dict[str, str]
    ):
        assert come(limited, client, "/key/", headers).status == 200
        assert come(limited, client, "/key/", headers).status == 429
        assert come(limited, client, "/key/").status == 429

    def test_long_ones_are_told_apart_by_their_end(self, limited: Waf, client: str):
        token = "x" * 6000
        assert come(limited, client, "/key/", {"X-Api-Key": f"{token}{mark()}"}).status == 200
        same = mark()
        assert come(limited, client, "/key/", {"X-Api-Key": f"a{token}{same}"}).status == 200
        assert come(limited, client, "/key/", {"X-Api-Key": f"b{token}{same}"}).status == 429

    def test_a_cookie_is_who_one_is(self, limited: Waf, client: str):
        sid = mark()
        assert come(limited, client, "/cookie/", {"Cookie": f"a=b; sid={sid}"}).status == 200
        assert come(limited, client, "/cookie/", {"Cookie": f"sid={sid}; c=d"}).status == 429
        assert come(limited, client, "/cookie/", {"Cookie": "sid=another"}).status == 200
        assert come(limited, client, "/cookie/").status == 200
        assert come(limited, client, "/cookie/", {"Cookie": "other=1"}).status == 429


class TestConnections:
    def test_so_many_at_the_same_time(self, limited: Waf, site: Backend, client: str):
        marker, release = mark(), threading.Event()
        site.on(f"/single/{marker}", held(release))
        data = request(f"/single/{marker}", headers={"X-Real-IP": client})
        with Connection(limited.address, source=ROUTER) as connection:
            connection.send(data)
            site.wait_for(f"/single/{marker}")
            answer = come(limited, client, "/single/")
            assert (answer.status, answer.header("Retry-After")) == (429, "1")
            assert come(limited, "203.0.113.2", "/single/").status == 200
            assert come(limited, client, "/free/").status == 200
            release.set()
            assert connection.read().status == 200
        # nginx counts down a moment after the client has its answer.
        deadline = time.monotonic() + 5
        while come(limited, client, "/single/").status == 429:
            assert time.monotonic() < deadline


class TestPassword:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            credentials("me", "wrong"),
            credentials("me", ""),
            credentials("you", PASSWORD),
            credentials("ME", PASSWORD),
            credentials("me", PASSWORD + "x"),
            credentials("me", PASSWORD.split(":", maxsplit=1)[0]),
            {"Authorization": "Basic !!!"},
            {"Authorization": "Bearer x"},
        ],
    )
    def test_without_the_right_one_nobody_comes_in(
        self, limited: Waf, site: Backend, client: str, headers: dict[str, str]
    ):
        answer = come(limited, client, "/in/", {**headers, **HTML})
        assert answer.status == 401
        assert answer.header("WWW-Authenticate") == 'Basic realm="Restricted"'
        assert "Sign in first" in answer.text
        assert site.received() == []

    def test_with_it_the_request_passes_and_the_password_stays(
        self, limited: Waf, site: Backend, client: str
    ):
        assert come(limited, client, "/in/x", credentials("me", PASSWORD)).status == 200
        received = site.only("/in/x")
        assert received.header("Authorization") is None
        assert received.header("X-Real-IP") == client

    def test_a_route_has_its_own_or_none(self, limited: Waf, site: Backend, client: str):
        assert come(limited, client, "/in/other/", credentials("you", "other")).status == 200
        assert come(limited, client, "/in/other/", credentials("me", PASSWORD)).status == 401
        assert come(limited, client, "/in/open/", credentials("a", "b")).status == 200
        assert (
            site.only("/in/open/").header("Authorization") == credentials("a", "b")["Authorization"]
        )

    @pytest.mark.parametrize(
        "target",
        ["/in/open/../x", "/in/open/..%2fx", "//in/x", "/%69n/x", "/in%2fx", "/in/open/..;/x"],
    )
    def test_no_spelling_of_a_path_is_a_way_in(
        self, limited: Waf, site: Backend, client: str, target: str
    ):
        assert come(limited, client, target).status in {400, 401}
        assert site.received() == []

    def test_a_refusal_costs_no_rule_and_shows_no_password(self, limited: Waf, client: str):
        marker, probe = mark(), mark()
        wrong = credentials("me", "wr0ng-guess")
        assert come(limited, client, f"/in/{marker}{ATTACK}", wrong).status == 401
        assert limited.access(marker)["event.action"] == "basic_auth"
        come(limited, client, f"/free/{probe}{ATTACK}")
        limited.audit(probe)
        logs = "\n".join([*limited.stdout.lines, *limited.stderr.lines])
        assert f"/in/{marker}" not in "\n".join(limited.stdout.lines)
        for secret in ("wr0ng-guess", PASSWORD, wrong["Authorization"].split()[1]):
            assert secret not in logs

    def test_guessing_is_counted_first(self, limited: Waf, client: str):
        wrong = credentials("me", "wrong")
        answers = [come(limited, client, "/guess/", wrong).status for _ in range(4)]
        assert answers == [401, 401, 429, 429]
        assert come(limited, client, "/guess/", credentials("me", PASSWORD)).status == 429

    def test_the_file_holds_no_password_and_is_nobody_elses(self, limited: Waf):
        for number in (1, 2):
            file = limited.tree / f"runtime/password-{number}"
            assert file.stat().st_mode & 0o777 == 0o600
            assert "{SSHA}" in file.read_text()
            assert not any(secret in file.read_text() for secret in ENVIRONMENT.values())
        for file in limited.tree.rglob("*"):
            if file.is_file() and "engine" not in file.parts:
                assert PASSWORD.encode() not in file.read_bytes()

    def test_rules_look_at_who_is_in(self, limited: Waf, client: str):
        headers = {**credentials("me", PASSWORD), **FORM}
        answer = limited.ask(
            "/in/",
            method="POST",
            headers={**headers, "X-Real-IP": client},
            body=b"q=%3Cscript%3Ealert(1)%3C/script%3E",
            source=ROUTER,
        )
        assert answer.status == 403
