"""Exclusions: which form each gets, and that nothing is written that would do nothing."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from specs import OLD, RULES, config_of, spec_of
from support.cases import for_each

from waf_builder.config.build import NEWEST, build
from waf_builder.config.exclusions import Resolver, Wanted, resolve_exclusions
from waf_builder.config.scopes import conditions, host_pattern, path_pattern
from waf_builder.config.targets import Miss, targets_of
from waf_builder.crs.index import index_of
from waf_builder.crs.rules import IndexedRule
from waf_builder.spec.exclusiontarget import ExclusionTarget, _target
from waf_builder.spec.model import Exclusion, WafPolicy

BACKEND = "backend: {host: 127.0.0.1, port: 3000}\n"


def rule_of(variables: str, later: str = "") -> IndexedRule:
    chain = ",chain" if later else ""
    text = f'SecRule {variables} "@rx x" "id:1,phase:2,msg:\'x\'{chain}"\n'
    text += f'SecRule {later} "@rx x" "t:none"\n' if later else ""
    return index_of({"x.conf": text.encode()}).rules[1]


@for_each(
    ("variables", "target", "expected"),
    [
        ("ARGS|ARGS_NAMES", "ARGS:a", ["ARGS:a"]),
        ("ARGS|ARGS_NAMES", "ARGS", ["ARGS"]),
        ("ARGS_GET|ARGS_POST", "ARGS:a", ["ARGS_GET:a", "ARGS_POST:a"]),
        ("ARGS_GET|ARGS_POST", "ARGS", ["ARGS_GET", "ARGS_POST"]),
        ("ARGS_GET", "ARGS:/^a$/", ["ARGS_GET:/^a$/"]),
        ("ARGS", "ARGS:/^a|b$/", ["ARGS:'/^a|b$/'"]),
        ("ARGS_GET_NAMES", "ARGS_NAMES:a", ["ARGS_GET_NAMES:a"]),
        ("XML:/*|XML://@*", "XML", ["XML:/*", "XML://@*"]),
        ("XML:/*|XML://@*", "XML://@*", ["XML://@*"]),
        ("REQUEST_URI|ARGS", "REQUEST_URI", ["REQUEST_URI"]),
        # A variable with a key of its own: as the rule spells it.
        (
            "REQUEST_HEADERS:User-Agent|ARGS",
            "REQUEST_HEADERS:user-agent",
            ["REQUEST_HEADERS:User-Agent"],
        ),
        (
            "REQUEST_HEADERS:A|REQUEST_HEADERS:B",
            "REQUEST_HEADERS",
            ["REQUEST_HEADERS:A", "REQUEST_HEADERS:B"],
        ),
        ("REQUEST_HEADERS:Item1|ARGS", "REQUEST_HEADERS:/^item[0-9]$/", ["REQUEST_HEADERS:Item1"]),
        ("ARGS:/^a/", "ARGS:a1", ["ARGS:a1"]),
        # Keys of a whole collection are compared letter by letter.
        (
            "REQUEST_HEADERS",
            "REQUEST_HEADERS:X-api-KEY",
            ["REQUEST_HEADERS:X-api-KEY", "REQUEST_HEADERS:X-Api-Key", "REQUEST_HEADERS:x-api-key"],
        ),
        (
            "REQUEST_COOKIES|!REQUEST_COOKIES:/__utm/",
            "REQUEST_COOKIES:sid",
            ["REQUEST_COOKIES:sid"],
        ),
    ],
)
def test_what_is_left_out_of_a_rule(variables: str, target: str, expected: list[str]):
    assert targets_of(rule_of(variables), _target(target)) == expected


@for_each(
    ("variables", "later", "target", "why"),
    [
        ("ARGS", "", "FILES:a", "does not look at FILES:a"),
        ("ARGS:a", "", "ARGS:b", "does not look at ARGS:b"),
        ("ARGS:/^a/", "", "ARGS:b", "does not look at ARGS:b"),
        ("ARGS:/^a/", "", "ARGS:/^b$/", "does not look at ARGS:/^b$/"),
        ("ARGS", "", "ARGS_GET:a", "looks at ARGS, which holds"),
        ("ARGS|!ARGS:a", "", "ARGS:a", "leaves out ARGS:a by itself"),
        ("ARGS|!ARGS:/^a/", "", "ARGS:a1", "leaves out ARGS:a1 by itself"),
        ("&ARGS", "", "ARGS:a", "only counts ARGS"),
        ("REQUEST_METHOD", "ARGS", "ARGS:a", "only in a later part of its chain"),
        ("ARGS", "REQUEST_METHOD", "REQUEST_METHOD", "only in a later part of its chain"),
    ],
)
def test_what_cannot_be_left_out(variables: str, later: str, target: str, why: str):
    found = targets_of(rule_of(variables, later), _target(target))

    assert isinstance(found, Miss)
    assert why in found.why
    assert found.hint


@pytest.mark.parametrize(
    ("path", "inside", "outside"),
    [
        (
            "/posts",
            ["/posts", "/posts?a", "/posts/"],
            ["/postscript", "/post", "/Posts", "/x/posts"],
        ),
        ("/posts/", ["/posts/", "/posts/1"], ["/posts", "/postsx/"]),
        ("/", ["/", "/a"], ["http://a/"]),
        ("/a+b", ["/a+b", "/a%2bb", "/a%2Bb/"], ["/a b", "/aab", "/a%20b"]),
        ("/é", ["/%c3%a9", "/%C3%A9/x"], ["/e", "/%e9", "/é"]),
        ("/a.b", ["/a.b"], ["/axb", "/a%2eb"]),
    ],
)
def test_the_begin_of_a_path(path: str, inside: list[str], outside: list[str]):
    pattern = re.compile(path_pattern(path))

    assert [one for one in inside if not pattern.search(one)] == []
    assert [one for one in outside if pattern.search(one)] == []


_PIECES = ["/", "//", ".", "..", "posts", "admin", ";", ";x=1", "\\", "%2f", "%5C", "%2e", "%2E%2e"]
_PIECES += ["%252e", "%25", "%3f", "?", "?a=b", "#", "%23", "%00", "%0a", "%20", "+", "%c3%a9", "é"]
_PIECES += [
    "%c0%ae",
    "%e0%80%ae",
    "%ef%bc%8f",
    "%u002e",
    "%",
    "a",
    "Z",
    "~",
    ":",
    "@",
    "%3b",
    "%7e",
]


@settings(max_examples=3000)
@given(st.lists(st.sampled_from(_PIECES), max_size=10).map("".join))
@example("/1")
@example("?/../admin")
@example("/caf%c3%a9/a%20b/")
def test_a_path_in_scope_is_the_same_to_everybody(below: str):
    """Who decodes once, twice or never, and resolves what is there, stays below /posts."""
    sent = f"/posts{below}"
    scope = conditions(Exclusion(rule=1, reason="x", path="/posts"))
    # Python knows possessive quantifiers since 3.11, and here they change nothing but the time.
    if not all(re.search(re.sub(r"([+*])[+]", r"\1", one.pattern), sent) for one in scope):
        return
    path = sent.partition("?")[0]
    once = unquote(path, errors="strict")
    for seen in (path, once, unquote(once, errors="strict"), once.casefold()):
        assert not set(";\\#?\n\0") & set(seen)
        plain = unicodedata.normalize("NFKC", seen)
        assert posixpath.normpath(plain) == plain.rstrip("/")
        assert f"{plain}/".startswith("/posts/")


def test_hosts():
    pattern = re.compile(host_pattern(["a.test", "*.b.test"]))

    assert all(pattern.search(host) for host in ("a.test", "a.test:80", "x.b.test", "x.y.b.test"))
    for host in ("axtest", "x.a.test", "b.test", "xb.test", "a.test.", "a.test:", "a.test:123456"):
        assert not pattern.search(host)


def test_methods_include_head_where_they_include_get():
    (condition,) = conditions(Exclusion(rule=1, reason="x", methods=("GET", "POST")))

    assert (condition.variable, condition.pattern) == ("REQUEST_METHOD", "^(?:GET|POST|HEAD)$")


SPEC = f"""\
{BACKEND}waf:
  exclusions:
    - {{rule: 942100, target: "ARGS:a", reason: everywhere}}
    - {{rule: 942100, target: "ARGS:b", path: /b, reason: a path}}
    - {{rule: 941100, methods: [PUT], reason: a method}}
routes:
  - path: /
  - path: /x
    waf:
      exclusions:
        - {{rule: 942100, target: "ARGS:c", path: /x/c, reason: a path of a route}}
        - {{rules: [941100, 942100], reason: off}}
        - {{rule: 942100, target: "ARGS:d", hosts: [d.test], reason: a host}}
"""


def test_each_exclusion_has_its_form():
    config = config_of(SPEC)

    assert [(one.reason, one.number, one.removed, one.targets) for one in config.exclusions] == [
        ("everywhere", 0, (), ((942100, "ARGS:a"),)),
        ("a path", 91000, (), ((942100, "ARGS:b"),)),
        ("a method", 91001, (941100,), ()),
    ]
    (policy,) = config.route_policies
    assert (policy.engine, policy.variables, policy.max_body) == (None, None, None)
    assert [(one.reason, one.number) for one in policy.exclusions] == [
        ("a path of a route", 95000),
        ("off", 0),
        ("a host", 95001),
    ]
    assert policy.exclusions[1].removed == (941100, 942100)
    assert config.excludes_by_host
    assert config.routes_differ


def test_common_exclusions_make_no_route_differ():
    spec = SPEC[: SPEC.index("routes:")] + "routes: [{path: /}, {path: /x}]\n"
    config = config_of(spec)

    assert not config.routes_differ
    assert not config.route_policies
    assert not config.excludes_by_host


def test_a_tag_is_written_out_as_the_rules_in_force():
    text = BACKEND + "waf: {LEVELexclusions: [{tag: attack-sqli, target: ARGS, reason: x}]}\n"

    (one,) = config_of(text.replace("LEVEL", "")).exclusions
    assert one.targets == ((942100, "ARGS"),)
    (one,) = config_of(text.replace("LEVEL", "detection_paranoia_level: 2, ")).exclusions
    assert one.targets == ((942100, "ARGS"), (942430, "ARGS"))


def test_a_tag_passes_over_rules_that_do_not_look_at_the_target():
    text = BACKEND + "waf: {exclusions: [{tag: OWASP_CRS, target: XML, reason: x}]}\n"

    (one,) = config_of(text).exclusions
    assert one.targets == ((941100, "XML:/*"), (941100, "XML://@*"), (942100, "XML:/*"))


def test_a_common_exclusion_counts_where_any_route_has_the_rule_in_force():
    text = BACKEND + "waf: {exclusions: [{rule: 942430, reason: x}]}\nroutes:\n  - path: /\n"

    assert config_of(text).exclusions == ()
    assert [found.code for found in config_of(text).warnings] == ["config.exclusion-idle"]
    stricter = text + "  - {path: /x, waf: {paranoia_level: 2}}\n"
    assert config_of(stricter).exclusions[0].removed == (942430,)
    assert config_of(stricter).warnings == ()


def test_what_we_bring_along_is_passed_over_in_silence():
    """Corrections name rules of several rule sets: what is not there needs none."""
    resolver = Resolver(RULES, OLD, lambda _path: None)
    wanted = [
        Wanted(Exclusion(rules=(942100, 999999), reason="a"), (), lenient=True),
        Wanted(Exclusion(rule=942430, reason="b"), (), lenient=True),
        Wanted(
            Exclusion(rules=(941100, 942100), target=ExclusionTarget("XML"), path="/x", reason="c"),
            (),
            lenient=True,
        ),
        Wanted(
            Exclusion(rules=(942100, 911100), target=ExclusionTarget("ARGS", "q"), reason="d"),
            (),
            lenient=True,
        ),
    ]

    made = resolver.resolve(wanted, [WafPolicy()], 91_000)

    assert resolver.problems == []
    assert [(one.removed, one.targets) for one in made] == [
        ((942100,), ()),
        ((), ((941100, "XML:/*"), (942100, "XML:/*"))),
        ((), ((942100, "ARGS:q"),)),
    ]


def test_without_rules_numbers_are_written_as_they_are():
    spec = spec_of(
        BACKEND
        + "waf: {exclusions: [{rule: 5, target: 'ARGS:a', reason: x}, {rule: 6, reason: two}]}\n"
    )
    config = build(spec, NEWEST)

    assert [(one.removed, one.targets) for one in config.exclusions] == [
        ((), ((5, "ARGS:a"),)),
        ((6,), ()),
    ]
    assert [found.code for found in config.warnings] == ["config.exclusion-unchecked"]


def test_many_routes_with_exclusions_take_no_time():
    routes = "".join(
        f"  - {{path: /r{n}, waf: {{exclusions: [{{rule: 942100, reason: x}}]}}}}\n"
        for n in range(300)
    )
    spec = spec_of(f"{BACKEND}routes:\n{routes}")

    resolved = resolve_exclusions(spec, RULES, NEWEST, lambda _path: None)

    assert len(resolved.own) == 300
