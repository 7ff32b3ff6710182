"""Backends: three forms of an address, and the knobs that need one of them."""

from __future__ import annotations

import dataclasses
import re

import pytest
from specs import APP_ID, NETWORK_ID, OLD, SMALLEST, TWO_BACKENDS, config_of, tree_of
from support.cases import for_each

from waf_builder.config.build import NEWEST
from waf_builder.config.model import Backend, Target
from waf_builder.errors import ProblemsError
from waf_builder.version import Version

NAME = f"myappbackend.{APP_ID}.{NETWORK_ID}.private-network.internal"


def backend(text: str, target: Target = NEWEST, **environ: str) -> Backend:
    (only,) = config_of(text, target, environ).backends
    return only


def on(host: str, *keys: str) -> str:
    return "backend:\n" + "".join(f"  {key}\n" for key in (f"host: {host}", "port: 80", *keys))


@for_each(
    ("text", "target", "form", "proxy_pass"),
    [
        (SMALLEST, NEWEST, "resolve", "http://backend"),
        (SMALLEST, OLD, "variable", "http://$address_backend"),
        (on("a.internal"), NEWEST, "resolve", "http://backend"),
        (on("a.internal"), OLD, "variable", "http://$address_backend"),
        (on("127.0.0.1"), NEWEST, "address", "http://backend"),
        (on("127.0.0.1"), OLD, "address", "http://backend"),
        (on('"::1"'), OLD, "address", "http://backend"),
        (on('"${HOST}"'), NEWEST, "resolve", "http://backend"),
        (on('"${HOST}"'), OLD, "variable", "http://$address_backend"),
        # An address in the default may be a name where it runs.
        (on('"${HOST:-127.0.0.1}"'), OLD, "variable", "http://$address_backend"),
    ],
)
def test_the_form_of_an_address(text: str, target: Target, form: str, proxy_pass: str):
    found = backend(text, target)

    assert (found.form, found.proxy_pass) == (form, proxy_pass)


@pytest.mark.parametrize(("patch", "form"), [(2, "variable"), (3, "resolve")])
def test_the_first_nginx_that_resolves_upstreams(patch: int, form: str):
    target = dataclasses.replace(OLD, nginx=Version(1, 27, patch))

    assert backend(SMALLEST, target).form == form


@pytest.mark.parametrize(
    ("host", "address"),
    [("a.internal", "a.internal:80"), ("10.0.0.1", "10.0.0.1:80"), ('"::1"', "[::1]:80")],
)
def test_an_address_has_its_port(host: str, address: str):
    assert backend(on(host)).address == address


def test_the_name_of_a_container():
    assert backend(SMALLEST).address == f"{NAME}:3000"
    assert backend(SMALLEST + "  index: 2\n").address == f"2.{NAME}:3000"
    without = SMALLEST.replace("  process: myappbackend\n", "")
    assert backend(without).address == f"{NAME.removeprefix('myappbackend.')}:3000"


def test_what_is_left_for_boot_becomes_tokens():
    text = (
        "backends:\n  my-api:\n"
        '    process: "${P:-api}"\n    port: "${PORT_X}"\n    app_id: "ap-${UUID}"\n    index: 1\n'
    )
    found = backend(text)

    assert found.address == (
        "1.@BACKEND_MY_API_PROCESS@.@BACKEND_MY_API_APP_ID@.@BACKEND_MY_API_NETWORK_ID@"
        ".private-network.internal:@BACKEND_MY_API_PORT@"
    )
    fields = {field.where: field for field in found.fields}
    assert set(fields) == {
        "backends.my-api.process",
        "backends.my-api.app_id",
        "backends.my-api.network_id",
        "backends.my-api.port",
    }
    process, app_id = fields["backends.my-api.process"], fields["backends.my-api.app_id"]
    assert (process.name, process.default, process.prefix) == ("P", "api", "")
    assert (app_id.name, app_id.default, app_id.prefix) == ("UUID", "", "ap-")
    assert fields["backends.my-api.network_id"].name == "SCALINGO_PRIVATE_NETWORK_ID"


@pytest.mark.parametrize("part", ["process", "port", "app_id", "network_id", "host"])
def test_a_sample_and_a_default_fit_the_pattern_of_boot(part: str):
    defaults = {"process": "api", "port": "80", "app_id": APP_ID, "network_id": NETWORK_ID}
    if part == "host":
        text = on('"${X:-a.internal}"')
    else:
        text = SMALLEST.replace("3000", "80")
        text = re.sub(rf"  {part}: .*", f'  {part}: "${{X:-{defaults[part]}}}"', text)
    (field,) = backend(text).fields

    assert re.fullmatch(field.pattern, field.sample)
    assert re.fullmatch(field.pattern, field.default)
    assert not re.search(r"\s", field.pattern + field.sample)


@pytest.mark.parametrize(
    ("port", "fits"), [("1", True), ("65535", True), ("65536", False), ("0", False)]
)
def test_a_port_that_boot_takes(port: str, fits: bool):
    (field,) = backend('backend: {host: a, port: "${X}"}\n').fields

    assert bool(re.fullmatch(field.pattern, port)) is fits


def test_a_line_of_boot_fields():
    tree = tree_of('backend: {host: "db-${STAGE:-test}.internal", port: 80}\n')

    (line,) = tree["boot/fields"].splitlines()
    words = [word.partition("=") for word in line.split(" ")]
    assert [name for name, _, _ in words] == [
        "token",
        "name",
        "prefix",
        "suffix",
        "default",
        "pattern",
        "where",
        "sample",
    ]
    values = {name: value for name, _, value in words}
    assert (values["prefix"], values["default"], values["suffix"]) == ("db-", "test", ".internal")
    assert f"@{values['token']}@:80" in tree["boot/backends.conf"]
    assert "include runtime/backends.conf;" in tree["nginx.conf"]
    assert "upstream backend {" not in tree["nginx.conf"]


def test_only_what_boot_fills_in_is_left_out_of_nginx_conf():
    tree = tree_of(
        "backends:\n  a: {host: a.internal, port: 80}\n"
        '  b: {host: "${B}", port: 80}\nroutes: [{path: /, backend: a}, {path: /b, backend: b}]\n'
    )

    assert "upstream a {" in tree["nginx.conf"]
    assert "upstream b {" not in tree["nginx.conf"]
    assert "upstream b {" in tree["boot/backends.conf"]
    assert "upstream a {" not in tree["boot/backends.conf"]


def test_nothing_for_boot():
    tree = tree_of(SMALLEST)

    assert tree["boot/fields"] == ""
    assert "boot/backends.conf" not in tree
    assert "backends.conf" not in tree["nginx.conf"]


def test_a_resolver_only_where_there_is_a_name():
    assert "boot/resolver.conf" in tree_of(SMALLEST)
    tree = tree_of(on("127.0.0.1"))
    assert "boot/resolver.conf" not in tree
    assert "resolver" not in tree["nginx.conf"]


@for_each(
    ("key", "lines"),
    [
        ("balance: round_robin", []),
        ("balance: least_conn", ["least_conn;"]),
        ("balance: random", ["random two least_conn;"]),
        ("sticky: client_ip", ["hash $remote_addr;"]),
        (
            "sticky: cookie:sid",
            ["hash $sticky_backend;", "map $cookie_sid $sticky_backend {"],
        ),
        ("keepalive: 7", ["keepalive 7;"]),
        ("retries: 0", ["proxy_next_upstream_tries 1;"]),
        ("host_header: internal", ["proxy_set_header Host $address_backend;"]),
        ("host_header: a.example.com:81", ["proxy_set_header Host a.example.com:81;"]),
    ],
)
def test_a_knob(key: str, lines: list[str]):
    with_it, without = (
        tree_of(on("a.internal", key))["nginx.conf"],
        tree_of(on("a.internal"))["nginx.conf"],
    )

    for line in lines:
        assert line in with_it
        assert line not in without
    if not lines:
        assert with_it == without


def test_no_idle_connections():
    """nginx 1.29.7 and newer keep 32 unless they are told to keep none."""
    before = dataclasses.replace(OLD, nginx=Version(1, 29, 6))

    assert "        keepalive 0;\n" in tree_of(on("a.internal", "keepalive: 0"))["nginx.conf"]
    assert "keepalive_timeout 4s" not in tree_of(on("a.internal", "keepalive: 0"))["nginx.conf"]
    text = tree_of(on("a.internal", "keepalive: 0"), before)["nginx.conf"]
    assert not re.search(r"\bkeepalive \d", text)


@pytest.mark.parametrize("balance", ["round_robin", "least_conn", "random"])
def test_a_variable_form_cannot_balance(balance: str):
    text = on("a.internal", f"balance: {balance}")
    if balance == "round_robin":
        assert backend(text, OLD)
        return
    with pytest.raises(ProblemsError, match=r"balance, which needs nginx 1\.27\.3"):
        backend(text, OLD)


def test_an_address_can_do_everything_on_every_nginx():
    assert backend(on("127.0.0.1", "sticky: client_ip", "balance: random"), OLD)


def test_every_backend_that_the_target_cannot_serve_is_named_at_its_place():
    text = (
        "backends:\n  a: {host: a.internal, port: 80, sticky: client_ip}\n"
        "  b: {host: b.internal, port: 80, balance: random}\n"
        "routes: [{path: /, backend: a}, {path: /b, backend: b}]\n"
    )
    with pytest.raises(ProblemsError) as caught:
        config_of(text, OLD)

    assert [(found.code, found.message.split(" has ")[0]) for found in caught.value.problems] == [
        ("config.sticky-needs-resolve", "backends.a"),
        ("config.balance-needs-resolve", "backends.b"),
    ]


def test_timeouts_of_a_backend_and_of_a_route():
    text = TWO_BACKENDS.replace("3000}", "3000, timeouts: {connect: 500ms, read: 10s}}") + (
        "routes:\n"
        "  - {path: /, backend: site}\n"
        "  - {path: /slow, backend: site, timeouts: {read: 25s}}\n"
        "  - {path: /live, backend: site, websocket: true}\n"
        "  - {path: /quick, backend: site, streaming: true, timeouts: {read: 1s}}\n"
        "  - {path: /api, backend: api}\n"
    )
    (server,) = config_of(text).servers
    timeouts = {
        location.path: (location.timeouts.connect, location.timeouts.send, location.timeouts.read)
        for location in server.locations
        if location.timeouts
    }

    assert timeouts == {
        "/": (500, 28_000, 10_000),
        "/slow": (500, 28_000, 25_000),
        "/live": (500, 75_000, 75_000),
        "/quick": (500, 75_000, 1_000),
    }
