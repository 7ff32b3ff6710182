"""What start-waf makes of the environment, before it starts nginx."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.tree import add_fields, boot, with_stub, write_tree

ID = "ap-a71da13f-7c70-4c00-a644-eee8558d8053"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
MIB = 1 << 20
NOT_A_PORT = "expected a number from 1 to 65535"
NOT_AN_ADDRESS = "expected an IPv4 or IPv6 address such as 0.0.0.0 or ::"

HOSTILE = {
    "newline": "\n",
    "return": "\r",
    "semicolon": ";",
    "brace": "}",
    "dollar": "$",
    "ampersand": "&",
    "backslash": "\\",
    "slash": "/",
    "bar": "|",
    "double quote": '"',
    "single quote": "'",
    "backtick": "`",
    "hash": "#",
    "at": "@PORT@",
    "star": "*",
    "tab": "\t",
    "escape": "\x1b[2J",
    "not ASCII": "é",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return with_stub(write_tree(tmp_path / "waf"))


def filled(tree: Path, name: str) -> str:
    return (tree / "runtime" / f"{name}.conf").read_text()


def refusal(tree: Path, **variables: str | None) -> str:
    """Boot, and return the one line that start-waf refuses with."""
    result = boot(tree, **variables)
    assert result.returncode == 1
    assert result.stdout == ""
    assert not (tree / "runtime").exists(), "nothing may be written before all is known to be good"
    assert result.stderr.startswith("waf: error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("waf: error: ").rstrip("\n")


def test_fills_in_every_boot_file(tree):
    result = boot(tree, PORT="3000", WAF_RESOLVERS="10.0.0.2", CONTAINER_MEMORY=str(160 * MIB))
    assert (result.returncode, result.stderr) == (0, "")
    assert filled(tree, "listen") == "listen 0.0.0.0:3000;\n"
    assert filled(tree, "resolver") == "resolver 10.0.0.2 ipv6=off;\n"
    assert filled(tree, "workers") == "worker_processes 1;\n"
    assert sorted(path.name for path in (tree / "runtime").iterdir()) == [
        "listen.conf",
        "resolver.conf",
        "temp",
        "workers.conf",
    ]


def test_replaces_what_an_earlier_boot_filled_in(tree):
    boot(tree, PORT="3000")
    boot(tree, PORT="4000")
    assert filled(tree, "listen") == "listen 0.0.0.0:4000;\n"


@pytest.mark.parametrize("port", ["1", "80", "9999", "10000", "59999", "64999", "65535"])
def test_takes_a_port(tree, port):
    assert boot(tree, PORT=port).returncode == 0
    assert filled(tree, "listen") == f"listen 0.0.0.0:{port};\n"


@pytest.mark.parametrize(
    "port", ["0", "080", "65536", "70000", "99999", "100000", "-1", "+80", "8080 ", "http", "0x50"]
)
def test_refuses_a_port(tree, port):
    assert refusal(tree, PORT=port) == f"PORT is '{port}', {NOT_A_PORT}"


@pytest.mark.parametrize("port", [None, ""])
def test_needs_a_port(tree, port):
    assert refusal(tree, PORT=port) == f"PORT is not set, {NOT_A_PORT}"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("255.249.199.99", "255.249.199.99"),
        ("", "0.0.0.0"),
        ("::", "[::]"),
        ("::1", "[::1]"),
        ("fd00::1:2", "[fd00::1:2]"),
        ("2001:DB8:0:0:0:0:0:1", "[2001:DB8:0:0:0:0:0:1]"),
    ],
)
def test_takes_an_address(tree, given, written):
    assert boot(tree, WAF_ADDRESS=given).returncode == 0
    assert filled(tree, "listen") == f"listen {written}:8080;\n"


@pytest.mark.parametrize(
    "address",
    [
        "localhost",
        "1.2.3",
        "1.2.3.4.5",
        "256.1.1.1",
        "01.2.3.4",
        "[::1]",
        "1:2",
        ":::",
        "fe80::1%eth0",
    ],
)
def test_refuses_an_address(tree, address):
    assert refusal(tree, WAF_ADDRESS=address) == f"WAF_ADDRESS is '{address}', {NOT_AN_ADDRESS}"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("10.0.0.2 10.0.0.3", "10.0.0.2 10.0.0.3"),
        ("127.0.0.1:5353", "127.0.0.1:5353"),
        ("  ::1   [::2] [::3]:5353 ", "[::1] [::2] [::3]:5353"),
        ("fe80::1%eth0 10.0.0.2", "10.0.0.2"),
    ],
)
def test_takes_resolvers_from_the_environment(tree, given, written):
    assert boot(tree, WAF_RESOLVERS=given).returncode == 0
    assert filled(tree, "resolver") == f"resolver {written} ipv6=off;\n"


@pytest.mark.parametrize(
    "word", ["dns.example.com", "10.0.0.2:0", "10.0.0.2:65536", "10.0.0.2/8", "*"]
)
def test_refuses_a_resolver_from_the_environment(tree, word):
    assert refusal(tree, WAF_RESOLVERS=f"10.0.0.1 {word}") == (
        f"WAF_RESOLVERS has '{word}', expected IPv4 or IPv6 addresses, as in '10.0.0.2 [::1]:5353'"
    )


def test_refuses_resolvers_that_are_all_scoped(tree):
    assert refusal(tree, WAF_RESOLVERS="fe80::1%eth0") == (
        "WAF_RESOLVERS names no usable name server, expected an IPv4 or IPv6 address"
    )


def test_reads_resolv_conf(tree, tmp_path):
    conf = tmp_path / "resolv.conf"
    conf.write_text(
        "# nameserver 10.9.9.9\n; nameserver 10.9.9.8\nsearch example.com\noptions ndots:5\n"
        "nameserver 10.0.0.2\n nameserver\tfd00::53 # the second\nnameserver fe80::1%eth0\n"
        "nameserver 10.1\nnameserver 10.0.0.3"
    )
    assert boot(tree, WAF_RESOLVERS=None, WAF_RESOLV_CONF=str(conf)).returncode == 0
    assert filled(tree, "resolver") == "resolver 10.0.0.2 [fd00::53] 10.0.0.3 ipv6=off;\n"


@pytest.mark.parametrize("text", [None, "", "search example.com\n", "nameserver fe80::1%eth0\n"])
def test_needs_a_resolver(tree, tmp_path, text):
    conf = tmp_path / "resolv.conf"
    if text is not None:
        conf.write_text(text)
    assert refusal(tree, WAF_RESOLVERS=None, WAF_RESOLV_CONF=str(conf)) == (
        f"{conf} names no usable name server, expected an IPv4 or IPv6 address"
    )


def test_needs_no_resolver_where_no_name_is_resolved(tree, tmp_path):
    (tree / "boot/resolver.conf").unlink()
    result = boot(tree, WAF_RESOLVERS=None, WAF_RESOLV_CONF=str(tmp_path / "none"))
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("cores", "memory", "workers"),
    [
        (1, None, 1),
        (2, None, 2),
        (64, None, 4),
        (64, 1, 1),
        (64, 256 * MIB, 2),
        (64, 512 * MIB, 4),
        (64, 1024 * MIB, 8),
        (64, 8192 * MIB, 8),
        (3, 8192 * MIB, 3),
    ],
)
def test_takes_as_many_workers_as_cores_and_memory_allow(tree, tmp_path, cores, memory, workers):
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "nproc").write_text(f"#!/bin/sh\necho {cores}\n")
    (programs / "nproc").chmod(0o755)
    result = boot(
        tree,
        PATH=f"{programs}:/usr/bin:/bin",
        CONTAINER_MEMORY=None if memory is None else str(memory),
    )
    assert result.returncode == 0
    assert filled(tree, "workers") == f"worker_processes {workers};\n"


@pytest.mark.parametrize("memory", ["512M", "0", "-1", "0512", "1e9", "9" * 17])
def test_refuses_a_memory_that_is_no_number(tree, memory):
    assert refusal(tree, CONTAINER_MEMORY=memory) == (
        f"CONTAINER_MEMORY is '{memory}', expected a number of bytes"
    )


def test_leaves_a_fixed_number_of_workers_alone(tree):
    (tree / "boot/workers.conf").write_text("worker_processes 3;\n")
    result = boot(tree, CONTAINER_MEMORY="rubbish")
    assert (result.returncode, result.stderr) == (0, "")
    assert filled(tree, "workers") == "worker_processes 3;\n"


FIELD = {
    "token": "BACKEND_API_APP_ID",
    "name": "API_APP_ID",
    "prefix": "",
    "suffix": "",
    "default": "",
    "pattern": f"ap-{UUID}",
    "where": "backends.api.app_id",
}


def field(**given: str) -> str:
    """Return a line of boot/fields."""
    return " ".join(f"{key}={value}" for key, value in {**FIELD, **given}.items())


def with_field(tree: Path, line: str) -> Path:
    add_fields(tree, "backends", "server api.@BACKEND_API_APP_ID@.internal;\n", [line])
    return tree


@pytest.mark.parametrize(
    ("given", "line", "written"),
    [
        (ID, field(), ID),
        (
            "staging",
            field(prefix="api-", suffix=".eu", pattern="api-[a-z]+[.]eu"),
            "api-staging.eu",
        ),
        (None, field(default="8080", pattern="[0-9]+"), "8080"),
        ("", field(default="8080", pattern="[0-9]+"), "8080"),
        ("9090", field(default="8080", pattern="[0-9]+"), "9090"),
        ("x", f"{field(pattern='x')} sample=y", "x"),
        ("a-b_c.D:9[1]", field(pattern=".*"), "a-b_c.D:9[1]"),
    ],
)
def test_fills_in_a_field(tree, given, line, written):
    result = boot(with_field(tree, line), API_APP_ID=given)
    assert (result.returncode, result.stderr) == (0, "")
    assert filled(tree, "backends") == f"server api.{written}.internal;\n"


def test_fills_in_many_fields_and_each_wherever_it_stands(tree):
    names = [f"NAME_{number}" for number in range(40)]
    add_fields(
        tree,
        "backends",
        "".join(f"server @T_{name}@; # @T_{name}@ @PORT@\n" for name in names),
        [field(token=f"T_{name}", name=name, pattern="[a-z0-9]+") for name in names],
    )
    variables = {name: f"host{number}" for number, name in enumerate(names)}
    assert boot(tree, **variables).returncode == 0
    assert filled(tree, "backends") == "".join(
        f"server {host}; # {host} 8080\n" for host in variables.values()
    )


@pytest.mark.parametrize(
    "name", ["port", "fields", "address", "stream", "dir", "nginx", "status", "template", "x"]
)
def test_reads_a_variable_whatever_its_name(tree, name):
    """The script's own variables must not stand in for those of the environment."""
    result = boot(with_field(tree, field(name=name, pattern="mine")), **{name: "mine"})
    assert (result.returncode, result.stderr) == (0, "")
    assert filled(tree, "backends") == "server api.mine.internal;\n"


@pytest.mark.parametrize("given", [None, ""])
def test_needs_the_variable_of_a_field(tree, given):
    assert refusal(with_field(tree, field()), API_APP_ID=given) == (
        f"API_APP_ID is not set, expected backends.api.app_id to be ap-{UUID}"
    )


def test_shows_a_sample_of_what_fits_where_there_is_one(tree):
    sampled = with_field(tree, f"{field()} sample={ID}")
    assert refusal(sampled, API_APP_ID=None) == (
        f"API_APP_ID is not set, expected backends.api.app_id to be one such as {ID}"
    )
    assert refusal(sampled, API_APP_ID="pn-1") == (
        "the 4 characters of API_APP_ID do not fit, expected backends.api.app_id to be one such as"
        f" {ID}"
    )


@pytest.mark.parametrize("value", ["pn-1", f"x{ID}", f"{ID}0", ID.upper(), f"{ID} "])
def test_refuses_the_value_of_a_field(tree, value):
    assert refusal(with_field(tree, field()), API_APP_ID=value) == (
        f"the {len(value)} characters of API_APP_ID do not fit, expected backends.api.app_id to be"
        f" ap-{UUID}"
    )


def test_a_multi_line_value_does_not_pass_by_its_good_line(tree):
    assert refusal(with_field(tree, field()), API_APP_ID=f"{ID}\n}}") == (
        f"the {len(ID) + 2} characters of API_APP_ID do not fit, expected backends.api.app_id to be"
        f" ap-{UUID}"
    )


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("where", ["start", "middle", "end"])
@pytest.mark.parametrize(
    "name", ["PORT", "WAF_ADDRESS", "WAF_RESOLVERS", "CONTAINER_MEMORY", "API_APP_ID"]
)
def test_a_hostile_value_reaches_no_file(tree, name, where, hostile):
    good = {
        "PORT": "8080",
        "WAF_ADDRESS": "127.0.0.1",
        "WAF_RESOLVERS": "10.0.0.2",
        "CONTAINER_MEMORY": "536870912",
        "API_APP_ID": "app",
    }[name]
    at = {"start": 0, "middle": len(good) // 2, "end": len(good)}[where]
    value = good[:at] + hostile + good[at:]
    with_field(tree, field(pattern=".*"))
    if name == "WAF_RESOLVERS" and hostile in "\n\t" and where != "middle":
        # White space separates the words here, and alone leaves a good one.
        assert boot(tree, WAF_RESOLVERS=value, API_APP_ID="app").returncode == 0
        assert filled(tree, "resolver") == "resolver 10.0.0.2 ipv6=off;\n"
        return
    assert name in refusal(tree, **{"API_APP_ID": "app", name: value})


def test_a_refusal_stays_short_and_on_one_line(tree):
    line = refusal(tree, PORT="\x1b]0;title\x07\n" + "9" * 5000)
    assert line.startswith("PORT is '?]0;title??999")
    assert len(line) == 500


@pytest.mark.parametrize(
    "line",
    [
        "token=A name=B",
        field(default="two words"),
        "name=B token=A prefix= suffix= default= pattern= where=x",
    ],
)
def test_refuses_damaged_fields(tree, line):
    assert refusal(with_field(tree, line)) == (
        f"boot/fields has '{line}',"
        " expected the words token name prefix suffix default pattern where, each with ="
    )


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A;id", "A}", "A$(id)"])
def test_refuses_a_field_whose_variable_can_have_no_such_name(tree, name):
    assert refusal(with_field(tree, field(name=name))) == (
        f"boot/fields has 'token=BACKEND_API_APP_ID name={name}',"
        " expected the names of a token and of a variable"
    )


def test_refuses_a_token_that_nothing_fills(tree):
    (tree / "boot/backends.conf").write_text("server @BACKEND_API_APP_ID@;\n")
    result = boot(tree)
    assert result.returncode == 1
    assert result.stderr == (
        "waf: error: boot/backends.conf has @BACKEND_API_APP_ID@,"
        " expected boot/fields to say what it stands for\n"
    )
    assert not (tree / "runtime/backends.conf").exists()
