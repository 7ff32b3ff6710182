from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from doctor_specs import subject_of
from support.dns import NameServer

from waf_builder.doctor import name as module
from waf_builder.doctor.name import check_name
from waf_builder.doctor.resolvers import parse_server
from waf_builder.doctor.result import failed, ok, warning

if TYPE_CHECKING:
    from waf_builder.doctor.result import Result

HOST = "api.internal"
SUBJECT = subject_of(f"backend: {{host: {HOST}, port: 3000}}")
NO_SUCH_NAME = """\
There is no container of that name. Are process, app_id and network_id right (`waf-builder
domains` prints the names), is the process scaled to 1 or more, are both apps in the private
network? A one-off container may stand outside of it, so ask from the WAF's own container too."""


@pytest.fixture
def check(here, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.5)

    def run(*servers: NameServer) -> tuple[Result, tuple[str, ...]]:
        return check_name(SUBJECT, HOST, [parse_server(one.address) for one in servers], here())

    return run


def test_a_name_is_shown_with_its_addresses(names, check):
    names.set(HOST, "10.240.0.5", "10.240.0.6")
    assert check(names) == (
        ok("backend: name", "10.240.0.5, 10.240.0.6 for 5 s, no AAAA"),
        ("10.240.0.5", "10.240.0.6"),
    )


def test_many_addresses_are_counted(names, check):
    names.set(HOST, *(f"10.240.0.{number}" for number in range(1, 101)))
    result, addresses = check(names)
    seen = "10.240.0.1, 10.240.0.2, 10.240.0.3, 10.240.0.4 and 96 more for 5 s, no AAAA"
    assert result == ok("backend: name", seen)
    assert len(addresses) == 100


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (("fd00::5",), "AAAA fd00::5"),
        ("servfail", "AAAA: Server failure"),
        ("nxdomain", "AAAA: Host not found"),
        ("drop", "AAAA: no answer"),
    ],
)
def test_an_ipv6_answer_is_told_and_does_no_harm(names, check, answer, shown):
    names.set(HOST, "10.240.0.5")
    names.set_ipv6(HOST, answer)
    assert check(names)[0] == ok("backend: name", f"10.240.0.5 for 5 s, {shown}")


def test_an_unknown_name(names, check):
    assert check(names) == (
        failed("backend: name", f"{HOST}: {names.address}: Host not found", NO_SUCH_NAME),
        (),
    )


def test_a_name_without_an_address(names, check):
    names.set(HOST)
    assert check(names)[0] == failed(
        "backend: name",
        f"{HOST}: {names.address}: no A record",
        "The name is known and has no IPv4 address: is the process scaled to 1 or more?",
    )


def test_silent_name_servers(names, check):
    with names.silence():
        assert check(names)[0] == failed(
            "backend: name",
            f"{HOST}: {names.address}: no answer",
            "No name server answers from here: look at /etc/resolv.conf, or name others.",
        )


def test_one_silent_name_server_of_two_slows_some_requests_down(names, check):
    names.set(HOST, "10.240.0.5")
    with NameServer() as other, other.silence():
        assert check(other, names) == (
            warning(
                "backend: name",
                f"10.240.0.5 for 5 s, no AAAA; {other.address}: no answer",
                "nginx asks all name servers in turn, and waits up to 5 s for each that is silent.",
            ),
            ("10.240.0.5",),
        )


def test_name_servers_that_disagree_are_told(names, check):
    names.set(HOST, "10.240.0.5")
    with NameServer() as other:
        result, addresses = check(names, other)
        assert result.seen == f"10.240.0.5 for 5 s, no AAAA; {other.address}: Host not found"
    assert result.outcome == "warning"
    assert addresses == ("10.240.0.5",)
