"""Exclusions as people write them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from specs import codes_of, spec_of
from support.cases import for_each

from waf_builder.cli import main
from waf_builder.spec.load import loads
from waf_builder.spec.validate.exclusions import covers_path

BACKEND = "backend: {host: 127.0.0.1, port: 3000}\n"


def text_of(*exclusions: str) -> str:
    lines = "".join(f"    - {{{one}, reason: x}}\n" for one in exclusions)
    return f"{BACKEND}waf:\n  exclusions:\n{lines}"


@pytest.mark.parametrize("day", ["2027-03-31", '"2027-03-31"', "'2027-03-31'"])
def test_a_date_with_and_without_quotes(day: str):
    (one,) = spec_of(text_of(f"rule: 942100, expires: {day}")).waf.exclusions

    assert one.expires == date(2027, 3, 31)


@pytest.mark.parametrize(
    ("today", "codes"),
    [
        (date(2027, 3, 30), []),
        (date(2027, 3, 31), []),
        (date(2027, 4, 1), ["spec.exclusion-expired"]),
    ],
)
def test_an_expiry_date(today: date, codes: list[str]):
    text = text_of("rule: 942100, expires: 2027-03-31")
    _, problems = loads(text, "backend.yaml", {}, today)

    assert [problem.code for problem in problems] == codes


def test_an_expired_exclusion_fails_only_where_that_is_wanted(tmp_path: Path):
    file = tmp_path / "backend.yaml"
    file.write_text(text_of("rule: 942100, expires: 2020-01-01"))

    for options, status in (([], 0), (["--strict"], 1)):
        run = CliRunner().invoke(main, ["validate", str(file), *options])
        assert run.exit_code == status
        assert "spec.exclusion-expired" in run.stderr


@for_each(
    "target",
    [
        "ARGS",
        "ARGS:content",
        "ARGS:user[0][name]",
        "ARGS:json.a.b",
        "ARGS:$filter",
        "ARGS:a:b",
        "ARGS:@type",
        "ARGS:/^item[0-9]+$/",
        "ARGS:/^(a|b)\\\\.c$/",
        "REQUEST_COOKIES:session",
        "REQUEST_HEADERS:User-Agent",
        "REQUEST_URI",
        "XML:/*",
        "XML://@*",
    ],
)
def test_targets(target: str):
    (one,) = spec_of(text_of(f'rule: 942100, target: "{target}"')).waf.exclusions

    assert str(one.target) == target.replace("\\\\", "\\")


@pytest.mark.parametrize(
    "first",
    [
        "rule: 942100",
        "rules: [942100, 941100]",
        "rule: 942100, path: /a",
        'rule: 942100, target: "ARGS:x"',
        'rule: 942100, target: "ARGS:x", path: /a/b, hosts: [a.test, b.test], methods: [GET]',
    ],
)
def test_one_that_another_holds_already(first: str):
    narrow = 'rule: 942100, target: "ARGS:x", path: /a/b, hosts: [a.test], methods: [GET]'

    assert codes_of(text_of(first, narrow)) == ["spec.exclusion-twice"]
    assert codes_of(text_of(narrow, first)) == ["spec.exclusion-twice"]


@pytest.mark.parametrize(
    "other",
    [
        "rule: 941100",
        'rule: 942100, target: "ARGS:y"',
        "rule: 942100, path: /ab",
        "rule: 942100, path: /a/b/c",
        "rule: 942100, hosts: [b.test]",
        "rule: 942100, methods: [POST]",
        "tag: attack-sqli",
    ],
)
def test_ones_that_are_different(other: str):
    narrow = 'rule: 942100, target: "ARGS:x", path: /a/b, hosts: [a.test], methods: [GET]'

    assert codes_of(text_of(other, narrow)) == []


def test_the_same_in_two_routes_is_no_repetition():
    waf = "waf: {exclusions: [{rule: 942100, reason: x}]}"
    routes = f"routes:\n  - {{path: /a, {waf}}}\n  - {{path: /b, {waf}}}\n"

    assert codes_of(BACKEND + routes) == []


@for_each(
    ("route", "scope", "codes"),
    [
        ("path: /api", "path: /api", []),
        ("path: /api", "path: /api/v1", []),
        ("path: /api", "path: /apis", []),  # a route is a prefix, as nginx has it
        ("path: /api/", "path: /api", ["spec.exclusion-outside"]),
        ("path: /api, exact: true", "path: /api/v1", ["spec.exclusion-outside"]),
        ("path: /, hosts: [a.test]", "hosts: [a.test]", []),
        ("path: /, hosts: ['*.a.test']", "hosts: [x.a.test]", []),
        ("path: /, hosts: [x.a.test]", "hosts: ['*.a.test']", []),
        ("path: /, hosts: [a.test]", "hosts: ['*.a.test']", ["spec.exclusion-outside"]),
        ("path: /", "hosts: [a.test]", []),
        ("path: /, methods: [GET, POST]", "methods: [POST]", []),
        ("path: /, methods: [GET]", "methods: [POST]", ["spec.exclusion-outside"]),
    ],
)
def test_a_scope_in_a_route(route: str, scope: str, codes: list[str]):
    waf = f"waf: {{exclusions: [{{rule: 942100, {scope}, reason: x}}]}}"

    assert codes_of(f"{BACKEND}routes:\n  - {{{route}, {waf}}}\n") == codes


def test_paths_that_hold_others():
    assert covers_path(None, "/a")
    assert covers_path("/a", "/a")
    assert covers_path("/a", "/a/b")
    assert covers_path("/a/", "/a/b")
    assert covers_path("/", "/a")
    assert not covers_path("/a", "/ab")
    assert not covers_path("/a/", "/a")
    assert not covers_path("/a", None)
