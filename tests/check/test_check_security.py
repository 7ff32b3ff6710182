from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cases import Case, cases, write
from gixy.core.manager import Manager
from gixy.directives.block import Block
from support.cases import for_each

from waf_builder.check import security

if TYPE_CHECKING:
    from pathlib import Path

CASES = cases("security")
LISTEN = {"runtime/listen.conf": "listen 127.0.0.1:8080;\n"}


def found(tree: Path, text: str) -> str:
    problems = security.check(write(tree, {"nginx.conf": text, **LISTEN}))
    lines = (f"{problem.place} {problem.severity.value} {problem.code}" for problem in problems)
    return "".join(f"{line}\n" for line in lines)


@for_each("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, tmp_path: Path):
    assert found(tmp_path, case.given) in case.expected


@pytest.mark.parametrize("allowed", security.ALLOWED, ids=lambda allowed: allowed.plugin)
def test_what_is_allowed_would_be_found(
    allowed: security.Allowed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (case,) = [case for case in CASES if case.name == f"allowed_{allowed.plugin}"]
    monkeypatch.setattr(security, "ALLOWED", ())

    assert f"security.{allowed.plugin.replace('_', '-')}\n" in found(tmp_path, case.given)


def test_a_problem_teaches(tmp_path: Path):
    text = "http {\n server_tokens off;\n server {\n  proxy_set_header Host $http_host;\n }\n}\n"

    (problem,) = security.check(write(tmp_path, {"nginx.conf": text}))

    assert problem.render() == (
        "nginx.conf:4: warning: The proxied Host header may be spoofed [security.host-spoofing]\n"
        '    In most cases "$host" variable are more appropriate, just use it.\n'
        "    See https://gixy.getpagespeed.com/checks/host-spoofing/"
    )


def test_rules_from_afar_are_explained(tmp_path: Path):
    text = "http {\n server_tokens off;\n modsecurity_rules_remote k https://example.com/r;\n}\n"

    (problem,) = security.check(write(tmp_path, {"nginx.conf": text}))

    assert problem.render() == (
        "nginx.conf:3: error: modsecurity_rules_remote fetches rules at every start"
        " [security.rules-remote]\n"
        "    nginx does not start while that server is away, and whoever runs it decides what"
        " this WAF lets through. Keep the rules in a file below waf/rules/ instead."
    )


def test_what_gixy_cannot_read_is_said(tmp_path: Path):
    text = "http {\n server_tokens off;\n server {\n  if ($a = b c d) { return 403; }\n }\n}\n"

    (problem,) = security.check(write(tmp_path, {"nginx.conf": text}))

    assert problem.code == "security.unreadable"
    assert problem.severity.value == "warning"
    assert problem.hint == "Known holes were not looked for."


def test_an_expression_that_gixy_cannot_read_is_no_crash(tmp_path: Path):
    text = 'http {\n map $uri $a {\n  default "";\n  "~^(?:a++|b)*+$" 1;\n }\n}\n'

    (problem,) = security.check(write(tmp_path, {"nginx.conf": text}))

    assert problem.code == "security.unreadable"
    assert problem.message == "gixy cannot read this configuration: multiple repeat"


def test_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    # gixy logs a warning for each of these.
    text = "http {\n server_tokens off;\n include nowhere.conf;\n proxy_pass;\n}\n"

    assert found(tmp_path, text) == ""
    assert capfd.readouterr() == ("", "")


def test_the_same_finding_from_one_included_file_is_reported_once(tmp_path: Path):
    write(tmp_path, {"x.conf": "proxy_set_header Host $http_host;\n"})
    text = (
        "http {\n server_tokens off;\n server { include x.conf; }\n server { include x.conf; }\n}\n"
    )

    assert found(tmp_path, text) == "x.conf:1 warning security.host-spoofing\n"


def test_an_index_finds_what_a_search_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    locations = "".join(
        f" location /{number}/ {{ return 204; if ($slow) {{ return {number}; }} }}\n"
        for number in range(100)
    )
    roots = []
    # gixy's own name, which the index hangs on: without it the check is slow, not wrong.
    monkeypatch.setattr(
        Manager, "_audit_recursive", lambda manager, _tree: roots.append(manager.root)
    )

    found(tmp_path, f"http {{\n server_tokens off;\n server {{\n{locations} return 404;\n}}\n}}\n")

    (server,) = roots[0].find_recursive("server")
    assert "find" in vars(server)
    for name in ("location", "return", "nothing"):
        for flat in (True, False):
            assert server.find(name, flat) == Block.find(server, name, flat)
            assert server.some(name, flat) is Block.some(server, name, flat)
    server.find("location").clear()
    assert len(server.find("location")) == 100
