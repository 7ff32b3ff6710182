from __future__ import annotations

import re
import threading

import pytest
from doctor_specs import subject_of
from support.answers import hang_up, held, text
from support.backends import containers, unreachable

from waf_builder.doctor import connection as module
from waf_builder.doctor.connection import check_connection, check_page
from waf_builder.doctor.result import Outcome, Result

REFUSED = (
    "The container is there, and nothing listens on this port: is `port` right, and does the\n"
    "app listen on 0.0.0.0 rather than on 127.0.0.1?"
)
STALE = "nginx tries another address then. Addresses of a container that has just ended go away."
NOT_HTTP = "Something listens there that does not speak HTTP in time: is `port` right?"


def subject(more: str = ""):
    return subject_of(
        f"backend: {{host: api.internal, port: 3000, timeouts: {{connect: 300ms}}{more}}}"
    )


def still(result: Result) -> tuple[Outcome, str, str]:
    """Return a result with its times, which differ each time, as T."""
    return result.outcome, re.sub(r"\d+\.\d ms", "T", result.seen), result.hint


def test_each_address_is_connected_to(here):
    with containers(2) as (one, two):
        result, good = check_connection(subject(), [one.name, two.name], one.port, here())
    assert still(result) == (Outcome.OK, f"port {one.port}: 127.0.1.1 in T, 127.0.1.2 in T", "")
    assert good == ["127.0.1.1", "127.0.1.2"]


def test_a_port_that_nobody_listens_on(here):
    with containers(1) as (one,):
        one.stop()
        result, good = check_connection(subject(), ["127.0.1.1"], one.port, here())
    assert still(result) == (
        Outcome.FAILED,
        f"port {one.port}: 127.0.1.1 Connection refused",
        REFUSED,
    )
    assert good == []


def test_an_address_that_is_silent(here):
    with containers(1) as (one,), unreachable("127.0.1.9", one.port):
        result, good = check_connection(subject(), ["127.0.1.9"], one.port, here())
    assert still(result) == (
        Outcome.FAILED,
        f"port {one.port}: 127.0.1.9 no answer within 0.3 s",
        "Nothing answers there. The container may be gone, or not be in this private network.",
    )
    assert good == []


def test_one_dead_container_of_many_is_told_first(here):
    with containers(6) as backends:
        backends[4].stop()
        names = [backend.name for backend in backends]
        result, good = check_connection(subject(), names, backends[0].port, here())
    seen = "127.0.1.5 Connection refused, 127.0.1.1 in T, 127.0.1.2 in T, 127.0.1.3 in T and 2 more"
    assert still(result) == (Outcome.WARNING, f"port {backends[0].port}: {seen}", STALE)
    assert len(good) == 5


def test_a_page_is_asked_for_like_the_waf_does(here):
    with containers(1) as (one,):
        one.on("/", text(b"hello", headers=[("Server", "unicorn\t1.0")]))
        result = check_page(subject(), [one.name], one.port, here())
        asked = one.only("/")
    assert still(result) == (Outcome.OK, "GET /: 127.0.1.1 200 in T (unicorn?1.0)", "")
    assert asked.line == b"GET / HTTP/1.1"
    assert asked.header("Host") == "api.internal:3000"


def test_the_host_is_the_one_that_the_spec_names(here):
    with containers(1) as (one,):
        check_page(subject(", host_header: www.example.com"), [one.name], one.port, here())
        assert one.only("/").header("Host") == "www.example.com"


def test_the_path_is_one_of_the_backend(here):
    spec = """\
backend: {host: api.internal, port: 3000}
routes: [{path: /v1/longer}, {path: /v1}]
"""
    with containers(1) as (one,):
        result = check_page(subject_of(spec), [one.name], one.port, here())
        one.only("/v1")
    assert result.seen.startswith("GET /v1: 127.0.1.1 200 in ")


@pytest.mark.parametrize("status", ["301 Moved", "401 Unauthorized", "404 Not Found"])
def test_any_answer_of_the_app_is_an_answer(here, status):
    with containers(1) as (one,):
        one.on("/", text(b"", status))
        assert check_page(subject(), [one.name], one.port, here()).outcome is Outcome.OK


def test_an_error_of_the_app_is_told(here):
    with containers(1) as (one,):
        one.on("/", text(b"", "503 Service Unavailable"))
        result = check_page(subject(), [one.name], one.port, here())
    assert still(result) == (
        Outcome.WARNING,
        "GET /: 127.0.1.1 503 in T",
        "The app is reached and has an error of its own: see its log.",
    )


def test_something_that_hangs_up(here):
    with containers(1) as (one,):
        one.on("/", hang_up)
        result = check_page(subject(), [one.name], one.port, here())
    assert still(result) == (
        Outcome.FAILED,
        "GET /: 127.0.1.1 Remote end closed connection without response",
        NOT_HTTP,
    )


def test_something_that_speaks_another_protocol(here):
    with containers(1) as (one,):
        one.on("/", lambda exchange: exchange.send(b"220 mail.example.com ESMTP\r\n"))
        result = check_page(subject(), [one.name], one.port, here())
    assert still(result) == (Outcome.FAILED, "GET /: 127.0.1.1 no HTTP", NOT_HTTP)


def test_a_page_that_takes_too_long(here, monkeypatch):
    monkeypatch.setattr(module, "PAGE_SECONDS", 0.3)
    release = threading.Event()
    with containers(1) as (one,):
        one.on("/", held(release))
        result = check_page(subject(), [one.name], one.port, here())
        release.set()
    assert still(result) == (Outcome.FAILED, "GET /: 127.0.1.1 no answer within 0.3 s", NOT_HTTP)


def test_one_of_two_that_does_not_answer(here):
    with containers(2) as (one, two):
        two.on("/", hang_up)
        result = check_page(subject(), [one.name, two.name], one.port, here())
    assert still(result) == (
        Outcome.WARNING,
        "GET /: 127.0.1.2 Remote end closed connection without response, 127.0.1.1 200 in T",
        NOT_HTTP,
    )
