"""Both judges say the same: over the corpus, the Core Rule Set's tests, and odd requests."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conformance.test_conformance_run import SUITE
from corpus.requests import attacks, ordinary, specialist
from inspect_both import both

from waf_builder.inspect.clear import UNCLEAR_PATHS
from waf_builder.inspect.raw import from_raw
from waf_builder.inspect.request import HttpRequest, RequestError
from waf_builder.paths import builtin_templates
from waf_builder.suite.ftw import load
from waf_builder.suite.wire import encode

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine

pytest.importorskip("libmodsecurity", reason="there is no wheel for this system")
pytestmark = pytest.mark.nginx

CRS_4 = os.environ.get("WAF_BUILDER_TEST_CRS_4", "")
WITH_CRS_4 = pytest.mark.skipif(not CRS_4, reason="WAF_BUILDER_TEST_CRS_4 names none")
CRS = pytest.mark.parametrize(
    "crs", [None, pytest.param(CRS_4, marks=WITH_CRS_4)], ids=["own", "crs-4"]
)

EXPLAINED = {
    "xxe-bomb": "the wheel's libxml2 2.9.7 refuses entities that contain themselves by itself",
}
"""Requests of the corpus to which the judges may say different things, and why."""


def corpus() -> list[HttpRequest]:
    requests = (*ordinary(), *specialist(), *attacks())
    return [from_raw(one.data, one.name) for one in requests]


@CRS
def test_the_corpus(engine: Engine, tmp_path: Path, crs: str | None):
    spec = tmp_path / "backend.yaml"
    spec.write_text("backend: {host: site.internal, port: 3000}\n", encoding="utf-8")
    found = [one for one in both(spec, engine, corpus(), crs) if one.differ]
    assert [str(one) for one in found if one.nginx.request.name not in EXPLAINED] == []


SPEC = """\
backend: {host: site.internal, port: 3000}
max_body: 3k
routes:
  - path: /
  - path: /api/
    methods: [GET, POST]
    content_types: [application/json]
    max_body: 1k
  - path: /api/exact
    exact: true
    waf: {mode: "off"}
  - path: /detect
    waf: {mode: detect}
  - path: /strict/
    waf: {paranoia_level: 3, inbound_anomaly_threshold: 3}
  - path: /café/
    waf: {mode: detect}
  - path: /a+b/
    methods: [PUT]
  - path: /
    hosts: [shop.example.com, "*.shop.example.com"]
    waf: {mode: "off"}
  - path: /admin/
    hosts: ["*.example.com"]
    waf:
      exclusions: [{rule: 942100, target: "ARGS:q", path: /admin/x, reason: try}]
"""
ATTACK = "q=1%20UNION%20SELECT%20password%20FROM%20users"
PATHS = [
    "/",
    "/x",
    "//",
    "/x//y",
    "/x/./y",
    "/x/../y",
    "/../x",
    "/..",
    "/.",
    "/x/.",
    "/x/..",
    "/x/...",
    "/%2e%2e/x",
    "/x/%2e%2e/api/",
    "/x%2fy",
    "/api",
    "/api/",
    "/API/",
    "/api/exact",
    "/api/exact/",
    "/api/exactly",
    "/api/../detect",
    "/api/..%2fdetect",
    "/api%2f",
    "/api%2fexact",
    "/%61pi/",
    "/api//x",
    "//api/x",
    "/api/%2e%2e/x",
    "/api/..;/x",
    "/api/.%2e/x",
    "/api/%252e%252e/x",
    "/api\\x",
    "/api\\..\\x",
    "/api/%5c../x",
    "/detect",
    "/detect/x",
    "/detective",
    "/strict",
    "/strict/",
    "/strict/x",
    "/caf%C3%A9/",
    "/caf%c3%a9",
    "/caf%e9/",
    "/caf%c3%a9/../x",
    "/a%20b/",
    "/a+b/",
    "/a%2bb/x",
    "/x%23y",
    "/x%3fy",
    "/x%25y",
    "/x%0ay",
    "/x%00y",
    "/x%zz",
    "/x%",
    "/x%2",
    "/x#y",
    "/api/#/../x",
    "/__waf/health",
    "/__waf/errors/403.html",
    "/__waf/x",
    "/admin/",
    "/admin",
    "/admin/x",
    "/admin/%78",
    "http://a.test/api/",
    "http://shop.example.com/",
    "*",
    "x",
]
HOSTS = (
    "localhost",
    "shop.example.com",
    "x.SHOP.example.com.",
    "a.example.com:8080",
    "example.com",
)


def made(
    target: str, host: str | None, method: str = "GET", body: bytes = b"", **headers: str
) -> HttpRequest:
    given = [] if host is None else [("Host", host)]
    given += [(name.replace("_", "-"), value) for name, value in headers.items()]
    if body:
        given.append(("Content-Length", str(len(body))))
    return HttpRequest(method, target, tuple(given), body)


def _text(size: int) -> bytes:
    return b'"%s"' % (b"word " * size)[: size - 2] if size else b""


def odd() -> list[HttpRequest]:
    """Requests whose route, or whether they have one, is the question."""
    requests = [
        made(f"{path}{query}", host, User_Agent="x", Accept="*/*")
        for path, host, query in itertools.product(PATHS, HOSTS, ("", f"?{ATTACK}"))
    ]
    for path, method, kind, size in itertools.product(
        ("/api/", "/", "/api/exact", "/a+b/"),
        ("POST", "PUT", "DELETE", "TRACE", "get", "PROPFIND"),
        (
            "",
            "application/json",
            "Application/JSON; charset=utf-8",
            "text/plain",
            "application/jsonx",
        ),
        (0, 1024, 1025, 3073),
    ):
        headers = {"Content_Type": kind} if kind else {}
        requests.append(made(path, "a.test", method, _text(size), Accept="*/*", **headers))
    chunked = b"5\r\nq=1+U\r\n19\r\nNION SELECT a FROM b wher\r\n0\r\n\r\n"
    form = "application/x-www-form-urlencoded"
    heads = [
        made("/", None),
        made("/", ""),
        made("/", "a/b"),
        made("/", "a..b"),
        made("/", "[::1]:80"),
        made("/", "127.0.0.1"),
        made("/", "a.test", X_Long="x" * 16_300),
        made("/", "a.test", X_Long="x" * 17_000),
        made("/?" + "x" * 17_000, "a.test"),
        made("/", "a.test", X_="", Content_Length="x"),
        made("/", "a.test", "POST", b"0\r\n\r\n", Transfer_Encoding="chunked"),
        made("/", "a.test", "POST", Transfer_Encoding="gzip"),
        HttpRequest("GET", "/", (("Host", "a.test"), ("Host", "b.test"))),
        HttpRequest("GET", "/", (("Host", "a.test"), ("under_score", "<script>alert(1)</script>"))),
        HttpRequest("GET", "/", (("Host", "a.test"), ("Range", "bytes=0-"), ("Range", "bytes=1-"))),
        HttpRequest("GET", "/", (("Authorization", "a"), ("Authorization", "b"), ("Host", "a"))),
        HttpRequest("GET", "/", (), version="1.0"),
        HttpRequest("GET", "/", (), version="2.0"),
        HttpRequest(
            "POST",
            "/",
            (("Host", "a"), ("Content-Type", form), ("Transfer-Encoding", "chunked")),
            chunked,
        ),
        HttpRequest(
            "POST",
            "/api/",
            (("Host", "a"), ("Content-Type", form), ("Transfer-Encoding", "chunked")),
            chunked,
        ),
        made("/search?q=l%27\u00e9t\u00e9", "a.test", User_Agent="x", Accept="*/*"),
    ]
    return [*requests, *heads]


@CRS
def test_odd_requests_meet_the_same_route(engine: Engine, tmp_path: Path, crs: str | None):
    spec = tmp_path / "backend.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    found = both(spec, engine, odd(), crs)
    assert [str(one) for one in found if one.differ] == []
    assert [str(one) for one in found if one.nginx.route != one.library.route] == []
    assert [one.library.note for one in found if one.library.note] == []


def rule_set_tests() -> list[HttpRequest]:
    """The Core Rule Set project's requests, as far as a client of HTTP could send them."""
    requests = []
    for case in load(SUITE):
        for number, stage in enumerate(case.stages):
            with contextlib.suppress(RequestError):
                requests.append(from_raw(encode(stage.input), f"{case.id}/{number}"))
    return requests


TESTS_EXPLAINED = {
    "922110-2/0": "libmodsecurity 3.0.9 takes every charset of a part for one that is not allowed",
}
"""Requests of the rule set's tests to which the judges may say different things, and why."""
ONLY_NGINX = {"920100-4/0", "920100-5/0", "920100-6/0", "921140-1/0"}
"""What the library leaves to nginx: CONNECT, and a header with a control character."""


@pytest.mark.skipif(not SUITE.is_dir(), reason="WAF_BUILDER_TEST_CRS_3_TESTS names none")
@pytest.mark.parametrize(
    ("name", "crs", "of"), [("old", None, 6), pytest.param("new", CRS_4, 1, marks=WITH_CRS_4)]
)
def test_the_rule_sets_own_requests(
    request: pytest.FixtureRequest, tmp_path: Path, name: str, crs: str | None, of: int
):
    spec = tmp_path / "backend.yaml"
    spec.write_text(
        "backend: {host: site.internal, port: 3000}\nwaf: {mode: detect, paranoia_level: 4}\n",
        encoding="utf-8",
    )
    requests = rule_set_tests()
    assert len(requests) > 2000
    requests = requests[::of]  # the other judge is asked all of them by tests/conformance
    found = both(spec, request.getfixturevalue(f"engine_{name}"), requests, crs)
    assert {one.library.request.name for one in found if one.library.note} <= ONLY_NGINX
    unlike = [one for one in found if one.differ and not one.library.note]
    assert [str(one) for one in unlike if one.nginx.request.name not in TESTS_EXPLAINED] == []


def test_what_is_unclear_is_what_the_template_says():
    text = (builtin_templates() / "nginx.conf.j2").read_text(encoding="utf-8")
    written = re.findall(r'"~(\*?)(\^\[\^\? \]\*.*)" 1;', text)
    as_python = [("(?i)" if star else "") + one.replace("\\\\", "\\") for star, one in written]
    assert as_python == list(UNCLEAR_PATHS)
