"""Specs compared route by route."""

from __future__ import annotations

import pytest
from specs import TWO_BACKENDS
from support.cases import for_each

from waf_builder.crs.index import index_of
from waf_builder.diff.change import Change
from waf_builder.diff.policy import PolicyDiff, RouteDiff, Rules, compare_specs
from waf_builder.spec.load import loads
from waf_builder.spec.model import Spec
from waf_builder.version import Version

ROUTES = "routes: [{path: /, backend: site}, {path: /v1/, backend: api}]\n"
BASE = TWO_BACKENDS + ROUTES
EXCLUSION = 'rule: 942100, target: "ARGS:q", path: /a, hosts: [a.test], methods: [GET]'
LEVELS = b"""\
SecRule ARGS "@rx a" "id:942100,phase:2,block,msg:'One',tag:'paranoia-level/1'"
SecRule ARGS "@rx b" "id:942200,phase:2,block,msg:'Two',tag:'paranoia-level/2'"
SecRule ARGS "@rx c" "id:942300,phase:2,block,msg:'Three',tag:'paranoia-level/3'"
"""


def spec(text: str) -> Spec:
    found, problems = loads(text, "backend.yaml", {})
    assert found, problems
    return found


def compared(old: str, new: str) -> PolicyDiff:
    return compare_specs(spec(old), spec(new), None)


def on(route: str, extra: str) -> str:
    return BASE.replace(f"path: {route},", f"path: {route}, {extra},")


def test_the_same_spec_does_not_differ():
    assert not compared(BASE, BASE).differs


def test_a_default_that_is_written_is_no_difference():
    assert not compared(BASE, f"{BASE}max_body: 10m\nwaf: {{paranoia_level: 1}}\n").differs
    assert not compared(BASE, on("/v1/", "max_body: 10m")).differs


@for_each(
    ("extra", "change"),
    [
        ("waf: {paranoia_level: 2}\n", Change("paranoia_level", ("1",), ("2",))),
        ("waf: {mode: detect}\n", Change("mode", ("block",), ("detect",))),
        ("waf: {corrections: {dollar_words: false}}\n",
         Change("corrections.dollar_words", ("true",), ("false",))),
        ("waf: {allowed_methods: [GET, HEAD, POST, OPTIONS, PUT, PATCH]}\n",
         Change("allowed_methods", ("DELETE",), ())),
        ("max_body: 2m\n", Change("max_body", ("10m",), ("2m",))),
        ("max_body: 1500\n", Change("max_body", ("10m",), ("1,500 bytes",))),
        ("access: {allow: [10.0.0.0/8]}\n", Change("access.allow", (), ("10.0.0.0/8",))),
        (f"waf: {{exclusions: [{{{EXCLUSION}, reason: x}}]}}\n",
         Change("exclusions", (), ("942100 in ARGS:q at /a for a.test with GET",))),
        ("waf: {exclusions: [{tag: attack-sqli, reason: x}]}\n",
         Change("exclusions", (), ("attack-sqli",))),
    ],
)  # fmt: skip
def test_what_the_whole_spec_says_holds_on_each_route(extra: str, change: Change):
    (diff,) = compared(BASE, BASE + extra).routes
    assert change in diff.changes
    assert diff.routes == ("/", "/v1/")
    (back,) = compared(BASE + extra, BASE).routes
    assert Change(change.what, change.added, change.gone) in back.changes


@pytest.mark.parametrize(
    ("extra", "change"),
    [
        ("methods: [GET, POST]", Change("methods", ("all",), ("GET, POST",))),
        ("waf: {paranoia_level: 2}", Change("paranoia_level", ("1",), ("2",))),
        ("streaming: true", Change("streaming", ("false",), ("true",))),
        ("timeouts: {read: 5s}", Change("timeouts.read", (), ("5s",))),
        ("headers: {response: {set: {X-A: b}}}", Change("headers.response.set.X-A", (), ("b",))),
    ],
)
def test_what_a_route_says_holds_there_alone(extra: str, change: Change):
    (diff,) = compared(BASE, on("/v1/", extra)).routes
    assert change in diff.changes
    assert diff.routes == ("/v1/",)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        ("port: 8080", "port: 8081", Change("api.port", ("8080",), ("8081",))),
        ("port: 8080", "port: 8080, timeouts: {read: 20s}",
         Change("api.timeouts.read", ("28s",), ("20s",))),
        ("port: 8080", 'port: "${PORT_OF_API}"',
         Change("api.port", ("8080",), ("${PORT_OF_API}",))),
        ("routes:", "logs: {query: full}\nroutes:", Change("logs.query", ("off",), ("full",))),
        ("routes:", 'waf: {crs: "4"}\nroutes:', Change("waf.crs", (), ("4",))),
        ("routes:", "waf: {plugins: [wordpress-rule-exclusions]}\nroutes:",
         Change("waf.plugins", (), ("wordpress-rule-exclusions",))),
    ],
)  # fmt: skip
def test_what_has_no_route_is_told_once(old: str, new: str, change: Change):
    diff = compared(BASE, BASE.replace(old, new))
    assert diff.everywhere == (change,)
    assert diff.routes == ()


def test_routes_and_backends_come_and_go():
    old = BASE.replace("/v1/", "/old/")
    new = BASE.replace("api:", "api2:").replace("backend: api", "backend: api2")
    diff = compared(old, new)
    assert (diff.new, diff.gone) == (("/v1/",), ("/old/",))
    assert diff.everywhere == (Change("backends", ("api",), ("api2",)),)


def test_rules_that_begin_and_end_to_refuse():
    rules = Rules(index_of({"x.conf": LEVELS}), Version(4, 28, 0))
    strict = f"{BASE}waf: {{paranoia_level: 3}}\n"
    diff = compare_specs(spec(BASE), spec(strict), (rules, rules)).routes
    assert [(one.begin, one.end) for one in diff] == [((942200, 942300), ())]
    off = spec(on("/v1/", 'waf: {mode: "off"}'))
    diff = compare_specs(spec(BASE), off, (rules, rules)).routes
    assert diff == (RouteDiff(("/v1/",), (Change("mode", ("block",), ("off",)),), (), (942100,)),)
