"""What each kind of value takes and refuses; the messages stand in tests/golden_errors."""

from __future__ import annotations

import json

import pytest
from specs import SMALLEST, TWO_BACKENDS, problems_of, spec_of
from support.cases import for_each


def with_value(field: str, value: object) -> str:
    """Return a spec in which one field has a value, written as JSON."""
    text = json.dumps(value, ensure_ascii=False)
    return {
        "host": f"backend: {{port: 80, host: {text}}}\n",
        "port": f"backend: {{port: {text}, host: a.internal}}\n",
        "process": SMALLEST.replace("myappbackend", text),
        "server_name": f"{SMALLEST}routes: [{{path: /, hosts: [{text}]}}]\n",
        "path": f"{SMALLEST}routes: [{{path: {text}}}]\n",
        "method": f"{SMALLEST}waf: {{allowed_methods: [{text}]}}\n",
        "content_type": f"{SMALLEST}waf: {{allowed_content_types: [{text}]}}\n",
        "header": f"{SMALLEST}client_ip: {{trusted: [192.0.2.0/24], header: {text}}}\n",
        "cidr": f"{SMALLEST}client_ip: {{trusted: [{text}]}}\n",
        "size": f"{SMALLEST}max_body: {text}\n",
        "duration": f"{SMALLEST}  timeouts: {{connect: {text}}}\n",
        "date": f"{SMALLEST}waf: {{mode: detect, enforce_after: {text}}}\n",
        "sticky": f"{SMALLEST}  sticky: {text}\n",
        "rate": f"{SMALLEST}rate_limit: {{rate: {text}}}\n",
        "client_key": f"{SMALLEST}rate_limit: {{rate: 1r/s, by: {text}}}\n",
        "user": f"{SMALLEST}basic_auth: {{user: {text}, password_env: A}}\n",
        "variable": f"{SMALLEST}basic_auth: {{user: a, password_env: {text}}}\n",
        "header_value": f"{SMALLEST}headers: {{response: {{set: {{X-A: {text}}}}}}}\n",
        "host_header": f"{SMALLEST}  host_header: {text}\n",
        "backend_name": f"backends: {{{text}: {{host: a.internal, port: 80}}}}\n",
    }[field]


GOOD = {
    "host": ["localhost", "a.b-c.internal", "a_b", "A.internal", "10.0.0.1", "1a.2b", "x" * 63],
    "port": [1, 80, 65535],
    "process": ["api", "A1", "x" * 24, "web2"],
    "server_name": ["example.com", "*.example.com", "xn--e1afmkfd.example", "localhost"],
    "path": [
        "/",
        "/a",
        "/a/",
        "/.well-known/x",
        "/a.b/..c",
        "/café",
        "/@~!&'()*+,=:".replace("'", ""),
    ],
    "method": ["GET", "PROPFIND", "PURGE"],
    "content_type": ["application/json", "application/vnd.api+json", "x/y", "x/" + "y" * 64],
    "header": ["X-Real-IP", "X-Forwarded-For", "CF-Connecting-IP", "x"],
    "cidr": ["172.16.0.0/12", "10.0.0.1", "2001:db8::/32", "::1"],
    "size": [1, "1", "512k", "75m", 1024],
    "duration": ["1ms", "500ms", "2s"],
    "date": ["2099-01-01", "2096-02-29", "9999-12-31"],
    "sticky": ["client_ip", "cookie:session_id"],
    "rate": ["1r/s", "999999r/m"],
    "client_key": ["client_ip", "header:X-Api-Key", "cookie:sid_1"],
    "user": ["a", "A.b_c-d@e.test", "x" * 64],
    "variable": ["A", "SITE_PASSWORD", "A1"],
    "header_value": ["a", "default-src 'self'; img-src *", 'a "b" \\c', "!", "x" * 2000],
    "host_header": ["preserve", "internal", "www.example.com", "www.example.com:8080"],
    "backend_name": ["a", "api-2", "a" * 31],
}
BAD = {
    "host": [
        "",
        ".",
        "-a",
        "a-",
        "a..b",
        "a b",
        "1.2.3",
        "256.1.1.1",
        "010.0.0.1",
        "x" * 64,
        ".".join(["x" * 60] * 5),
        "a/b",
        "http://a",
        "a:80",
        "a\nb",
        "a;b",
        "fe80::1%eth0",
        "::1%;",
        "[::1",
        "é",
        "*.a",
        "a$b",
        "a\\b",
        'a"b',
        5,
        ["a"],
    ],
    "port": [0, -1, 65536, 80.0, "80", "http", True, None, [80]],
    "process": ["", "a b", "a-b", "a_b", "é", "x" * 25, "postdeploy", "a\n", 5, True],
    "server_name": [
        "",
        "*",
        "*.",
        "www.*",
        "*example.com",
        "a.example.com.",
        "a:80",
        "a/b",
        "~^x$",
        "_",
        "-",
        "a b",
        "a;b",
        "*.*.com",
        5,
    ],
    "path": [
        "",
        "a",
        "//",
        "/a//b",
        "/./a",
        "/a/..",
        "/a b",
        "/a;b",
        "/a{b",
        "/a}b",
        "/a#b",
        "/a?b",
        "/a%20b",
        "/a$b",
        "/a\\b",
        '/a"b',
        "/a'b",
        "/a|b",
        "/a\tb",
        "/a\nb",
        "/a\u007fb",
        "~ /a",
        "/a[b",
        "/a^b",
        "/a`b",
        "/a<b",
        5,
        None,
    ],
    "method": ["get", "GE", "GET ", "GET|POST", "TRACE", "CONNECT", "X" * 21, "GÉT", 5],
    "content_type": [
        "x/" + "y" * 65,
        "json",
        "*/*",
        "text/*",
        "text/html; charset=utf-8",
        "Text/html",
        "a/b/c",
        "a/b|",
        "a/b'",
        "a/ b",
        5,
    ],
    "header": ["", "X_Y", "1X", "X Y", "X;", "X" * 65, 5],
    "cidr": [
        "",
        "router",
        "10.0.0.0/33",
        "10.0.0.1/8",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.0/8;",
        "fe80::%eth0/64",
        "fe80::%; autoindex on;/64",
        "1",
        5,
    ],
    "size": [0, -1, "0", "10M", "10mb", "1.5m", "10 m", "m", "", 1.5, True, None],
    "date": [
        "2027-02-29",
        "2027-13-01",
        "2027-1-1",
        "27-01-01",
        "20270101",
        "",
        " 2027-01-01",
        "٢٠٢٧-01-01",
        "2027-W01-1",
        "2027-01-01T00:00",
        2027,
        True,
    ],
    "duration": [1, 0, "0s", "5", "1.5s", "5 s", "5S", "1d", "", None],
    "sticky": ["", "cookie", "cookie:", "cookie:a-b", "cookie:a;b", "header:x", 5],
    "rate": ["", "20", "20/s", "0r/s", "1.5r/s", "1r/h", "1000000r/s", "1r/s burst=1", 5],
    "client_key": ["", "ip", "header:", "header:X_Y", "header:a;b", "cookie:a-b", "cookie:", 5],
    "user": ["", "a:b", "a b", "a\nb", "é", "x" * 65, 5],
    "variable": ["", "site", "1A", "A-B", "$A", "_A", "PATH", "PORT", "A" * 65, 5],
    "header_value": ["", " a", "a ", "$host", "a\nb", "a\x7f", "é", "x" * 2001, 5],
    "host_header": ["", "a b", "$host", "a;b", "a:0", "a:99999", "a:http", 5],
    "backend_name": ["", "A", "1a", "-a", "a_b", "a b", "a;b", "a" * 32, "é"],
}


@for_each(
    ("field", "value"), [(field, value) for field, values in GOOD.items() for value in values]
)
def test_good(field: str, value: object):
    assert spec_of(with_value(field, value))


@for_each(("field", "value"), [(field, value) for field, values in BAD.items() for value in values])
def test_bad(field: str, value: object):
    problems = problems_of(with_value(field, value))

    assert len(problems) == 1, [problem.render() for problem in problems]
    assert problems[0].place.line > 0


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("host", "a.internal.", "a.internal"),
        ("host", "::1", "[::1]"),
        ("host", "[2001:DB8::1]", "[2001:db8::1]"),
        ("host", "0:0::1", "[::1]"),
    ],
)
def test_a_host_as_nginx_writes_it(field: str, value: str, read: str):
    assert spec_of(with_value(field, value)).backend.host == read


def test_server_names_have_small_letters():
    assert spec_of(with_value("server_name", "WWW.Example.com")).routes[0].hosts == (
        "www.example.com",
    )


@pytest.mark.parametrize(
    ("value", "size"), [("1k", 1024), ("10m", 10 * 1024**2), ("1000", 1000), (1000, 1000)]
)
def test_sizes_are_bytes(value: object, size: int):
    assert spec_of(with_value("size", value)).max_body == size


@pytest.mark.parametrize(("value", "ms"), [("5ms", 5), ("5s", 5_000), ("2m", 120_000)])
def test_durations_are_milliseconds(value: str, ms: int):
    timeouts = spec_of(with_value("duration", value)).backend.timeouts

    assert (timeouts.connect, timeouts.send) == (ms, 28_000)


def test_a_range_as_nginx_writes_it():
    spec = spec_of(f"{SMALLEST}client_ip: {{trusted: [172.16.0.0/255.240.0.0, 192.0.2.1]}}\n")

    assert spec.client_ip.trusted == ("172.16.0.0/12", "192.0.2.1/32")


def test_two_backends():
    assert list(spec_of(TWO_BACKENDS + "routes: [{path: /, backend: api}]\n").all_backends()) == [
        "site",
        "api",
    ]
