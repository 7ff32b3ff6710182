"""`rules` and `explain`, on a rule set of two rules."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from specs import SMALLEST

from waf_builder.cli import main
from waf_builder.spec import yaml

INITIALIZATION = """\
SecComponentSignature "OWASP_CRS/4.25.1"
SecAction "id:901100,phase:1,pass,nolog,msg:'Sets up'"
"""
RULES = """\
SecRule REQUEST_COOKIES|ARGS|!ARGS:token|&ARGS:n "@detectSQLi" \\
    "id:942100,phase:2,block,t:none,t:urlDecodeUni,msg:'SQL injection',severity:'CRITICAL',\\
    tag:'attack-sqli',tag:'paranoia-level/1',\\
    setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'"
SecRule REQUEST_METHOD "!@within GET" \\
    "id:911100,phase:1,block,msg:'Method',severity:'WARNING',tag:'paranoia-level/3',chain,\\
    setvar:'tx.inbound_anomaly_score_pl3=+%{tx.warning_anomaly_score}'"
    SecRule REQUEST_URI "@rx ^/x" "t:none"
SecRule RESPONSE_BODY "@rx leak" \\
    "id:953100,phase:4,block,msg:'Leak',severity:'ERROR',tag:'paranoia-level/1'"
SecRule TX:DETECTION_PARANOIA_LEVEL "@lt 2" "id:942013,phase:1,pass,nolog,skipAfter:END"
"""
SPEC = f"""\
{SMALLEST}waf: {{paranoia_level: 1}}
routes:
  - path: /
  - path: /strict
    waf: {{paranoia_level: 3}}
  - path: /watch
    waf: {{detection_paranoia_level: 4}}
  - path: /off
    waf: {{mode: off}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a rule set and a spec, on a machine without an engine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAF_BUILDER_ENGINE", "none")
    monkeypatch.setenv("WAF_BUILDER_CRS", "crs")
    monkeypatch.setenv("WAF_BUILDER_CACHE", str(tmp_path / "cache"))
    rules = tmp_path / "crs" / "rules"
    rules.mkdir(parents=True)
    (rules / "REQUEST-901-INITIALIZATION.conf").write_text(INITIALIZATION)
    (rules / "REQUEST-942-RULES.conf").write_text(RULES)
    Path("backend.yaml").write_text(SPEC)
    return tmp_path


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert "\x1b" not in result.output  # colours are for terminals
    return result


def test_rules():
    result = run("rules")

    assert (result.exit_code, result.stdout) == (
        0,
        (
            "id      level  score  message\n"
            "911100      3      3  Method\n"
            "942100      1      5  SQL injection\n"
            "953100      1      -  Leak\n"
        ),
    )
    assert result.stderr == "3 of 3 rules of Core Rule Set 4.25.1\n"


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        (("--tag", "attack-sqli"), [942100]),
        (("--search", "sql INJ"), [942100]),
        (("--search", "9111"), [911100]),
        (("--level", "1"), [942100, 953100]),
        (("--level", "1", "--search", "leak"), [953100]),
    ],
)
def test_rules_that_are_wanted(options: tuple[str, ...], ids: list[int]):
    result = run("rules", "--format", "json", *options)

    assert [rule["id"] for rule in json.loads(result.stdout)] == ids


def test_no_rule_is_wanted():
    result = run("rules", "--tag", "attack-sql")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "0 of 3 rules of Core Rule Set 4.25.1\nTags that name an attack: attack-sqli\n"
    )


def test_a_rule_as_json():
    (rule,) = json.loads(run("rules", "--format", "json", "--search", "911100").stdout)

    assert rule == {
        "id": 911100,
        "message": "Method",
        "phase": 1,
        "paranoia_level": 3,
        "severity": "warning",
        "score": 3,
        "tags": ["paranoia-level/3"],
        "looks_at": [["REQUEST_METHOD"], ["REQUEST_URI"]],
        "file": "rules/REQUEST-942-RULES.conf",
        "line": 5,
    }


def test_explain():
    result = run("explain", "942100")

    assert result.exit_code == 0
    assert (
        result.stdout
        == """\
942100  SQL injection

  looks at          REQUEST_COOKIES, ARGS, &ARGS:n; not ARGS:token
  looks for         @detectSQLi (after urlDecodeUni)
  phase             2: the request with its body
  paranoia level    1
  score             5 (critical) to the request's
  tags              attack-sqli, paranoia-level/1
  in                rules/REQUEST-942-RULES.conf:1

An exclusion for backend.yaml, or for `waf` of a route:

waf:
  exclusions:
    - rule: 942100
      target: ARGS:content
      path: /posts
      reason: why an ordinary request matches here
"""
    )


def test_explain_a_chain_that_has_no_target_of_its_own():
    result = run("explain", "911100")

    assert "  looks at          REQUEST_METHOD\n" in result.stdout
    assert "  and looks at      REQUEST_URI\n  looks for         @rx ^/x\n" in result.stdout
    assert result.stdout.endswith(
        "    - rule: 911100\n"
        "      path: /posts\n"
        "      reason: why an ordinary request matches here\n"
    )


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        ("901100", "It cannot be left out: without it the Core Rule Set does not work."),
        ("942013", "It finds nothing by itself: it steers other rules, and cannot be left out."),
    ],
)
def test_explain_what_cannot_be_left_out(number: str, advice: str):
    result = run("explain", number)

    assert result.exit_code == 0
    assert advice in result.stdout
    assert "exclusions:" not in result.stdout


def test_explain_an_unknown_rule():
    result = run("explain", "942101")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "error: there is no rule 942101 in Core Rule Set 4.25.1\n"
        "    Nearest: 911100, 942100, 953100. `waf-builder rules` lists all.\n"
    )


def in_force(number: str) -> list[str]:
    shown: list[str] = json.loads(
        run("explain", number, "backend.yaml", "--format", "json").stdout
    )["in_force"]
    return shown


def test_explain_says_where_a_rule_is_in_force():
    assert in_force("942100") == ["yes", "on /off: no: waf.mode is off"]
    assert in_force("911100") == [
        "no: paranoia_level is 1, it begins at 3",
        "on /strict: yes",
        "on /watch: it only logs: paranoia_level is 1, detection_paranoia_level 4",
        "on /off: no: waf.mode is off",
    ]
    assert in_force("953100") == [
        "no: inspect_responses is false",
        "on /off: no: waf.mode is off",
    ]


def test_explain_says_what_is_left_out():
    Path("backend.yaml").write_text(
        f"""\
{SMALLEST}waf:
  exclusions:
    - {{rule: 942100, target: "ARGS:content", path: /posts, methods: [POST], reason: Markdown}}
    - {{rule: 911100, reason: Another rule}}
routes:
  - path: /
  - path: /import
    waf: {{exclusions: [{{tag: attack-sqli, hosts: [a.test], reason: Dumps}}]}}
"""
    )
    shown = json.loads(run("explain", "942100", "backend.yaml", "--format", "json").stdout)

    assert shown["left_out"] == [
        "ARGS:content at /posts with POST (Markdown)",
        "on /import: all of it for a.test (Dumps)",
    ]
    assert "  left out          ARGS:content at" in run("explain", "942100", "backend.yaml").stdout


@pytest.mark.parametrize("number", ["200004", "90001", "90900"])
def test_explain_a_rule_that_comes_along(number: str):
    result = run("explain", number)

    assert result.exit_code == 0
    assert "  in                modsecurity/" in result.stdout


def test_explain_a_rule_of_the_users(folder: Path):
    rules = folder / "waf" / "rules" / "after-crs"
    rules.mkdir(parents=True)
    (rules / "own.conf").write_text('SecRule ARGS "@rx x" "id:10001,phase:2,deny,msg:\'Own\'"\n')

    assert run("explain", "10001").exit_code == 1
    assert run("explain", "10001", "backend.yaml").stdout.startswith("10001  Own\n")


@pytest.mark.parametrize("where", ["waf/plugins/shop", "crs/plugins"])
def test_explain_a_rule_of_a_plugin(folder: Path, where: str):
    (folder / where).mkdir(parents=True)
    rule = 'SecRule ARGS "@rx x" "id:9599100,phase:2,deny,msg:\'Shop\'"\n'
    (folder / where / "shop-before.conf").write_text(rule)
    (folder / "backend.yaml").write_text(f"{SMALLEST}waf: {{plugins: [shop]}}\n")

    assert run("explain", "9599100", "backend.yaml").stdout.startswith("9599100  Shop\n")
    assert run("render", "backend.yaml", "-o", "tree").exit_code == 0
    assert (folder / "tree/modsecurity/plugins/shop/shop-before.conf").read_text() == rule


@pytest.mark.parametrize("number", ["942100", "911100"])
def test_a_printed_exclusion_can_be_rendered(number: str, tmp_path: Path):
    exclusion = json.loads(run("explain", number, "--format", "json").stdout)["exclusion"]
    Path("backend.yaml").write_text(SMALLEST + exclusion + "  paranoia_level: 3\n")
    result = run("render", "backend.yaml", "-o", "build")

    assert result.exit_code == 0, result.stderr
    assert "config.exclusion" not in result.stderr
    assert number in Path("build/modsecurity/exclusions-before-crs.conf").read_text()


def test_explain_needs_rules(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("WAF_BUILDER_CRS")
    result = run("explain", "942100")

    assert result.exit_code == 1
    assert result.stderr == (
        "error: without an engine there are no rules to read\n"
        "    Name the folder of an unpacked Core Rule Set: --crs DIR\n"
    )


def test_the_printed_exclusion_is_yaml():
    exclusion = json.loads(run("explain", "942100", "--format", "json").stdout)["exclusion"]

    assert yaml.read(exclusion, "x").problems == []
