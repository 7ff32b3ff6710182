from __future__ import annotations

import pytest

from waf_builder.doctor.resolvers import check_servers, find_servers, parse_server, shown
from waf_builder.doctor.result import failed, ok, skipped

WANTED = "expected an IPv4 or IPv6 address, perhaps with a port: 10.0.0.2, [::1]:5353"


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("10.0.0.2", ("10.0.0.2", 53)),
        ("10.0.0.2:5353", ("10.0.0.2", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_reads_a_server(text, server):
    assert parse_server(text) == server
    assert parse_server(shown(server)) == server


@pytest.mark.parametrize(
    "text", ["", "dns.example.com", "10.0.0", "10.0.0.2:0", "10.0.0.2:65536", "[10.0.0.2]:53", "\n"]
)
def test_refuses_what_is_no_server(text):
    with pytest.raises(ValueError, match="is not a name server") as caught:
        parse_server(text)
    assert WANTED in str(caught.value)
    assert "\n" not in str(caught.value)


def test_takes_those_that_start_waf_takes(tmp_path):
    conf = tmp_path / "resolv.conf"
    conf.write_text(
        "# nameserver 10.9.9.9\nsearch example.com\nnameserver 10.0.0.2\n"
        " nameserver\tfd00::53 # the second\nnameserver fe80::1%eth0\nnameserver 10.1\n"
    )
    assert find_servers({"WAF_RESOLV_CONF": str(conf)}) == (("10.0.0.2", 53), ("fd00::53", 53))
    both = {"WAF_RESOLV_CONF": str(conf), "WAF_RESOLVERS": "fe80::1%eth0 10.0.0.9:5353"}
    assert find_servers(both) == (("10.0.0.9", 5353),)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"WAF_RESOLV_CONF": "/nowhere"}, "/nowhere names no usable name server"),
        ({"WAF_RESOLVERS": "fe80::1%eth0"}, "WAF_RESOLVERS names no usable name server"),
        ({"WAF_RESOLVERS": "dns"}, f"WAF_RESOLVERS: 'dns' is not a name server, {WANTED}"),
    ],
)
def test_says_why_there_is_none(environ, message):
    with pytest.raises(ValueError) as caught:
        find_servers(environ)
    assert str(caught.value) == message


def test_shows_which_are_asked():
    servers = [("10.0.0.2", 53), ("::1", 5353)]
    assert check_servers(servers, "", needed=True) == ok("name servers", "10.0.0.2, [::1]:5353")


def test_fails_without_any():
    assert check_servers([], "resolv.conf names none", needed=True) == failed(
        "name servers",
        "resolv.conf names none",
        "start-waf stops without one. Name them in WAF_RESOLVERS, or mend /etc/resolv.conf.",
    )


def test_needs_none_for_addresses():
    assert check_servers([], "resolv.conf names none", needed=False) == skipped(
        "name servers", "every backend is an address, so nothing is resolved"
    )
