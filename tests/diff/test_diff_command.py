"""`diff` as people type it, on rule sets of a few rules: every form that it prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from waf_builder.cli import main
from waf_builder.crs.digest import content_digest
from waf_builder.diff.rules import RuleSet, compare_rules

GOLDEN = Path(__file__).parent / "golden"
INITIALIZATION = """\
SecComponentSignature "OWASP_CRS/{version}"
SecAction "id:901100,phase:1,pass,nolog,setvar:tx.a={version}"
"""
LONG = "(?:" + "|".join(f"word{number}" for number in range(60)) + ")"
OLD = f"""\
SecRule ARGS|ARGS_NAMES "@rx {LONG}a" \\
    "id:942100,phase:2,block,t:none,msg:'SQL injection',severity:'CRITICAL',\\
    tag:'attack-sqli',tag:'paranoia-level/2',\\
    setvar:'tx.inbound_anomaly_score_pl2=+%{{tx.critical_anomaly_score}}'"
SecRule ARGS "@pmFromFile words.data" "id:942200,phase:2,block,msg:'Words that are seldom',\\
    tag:'paranoia-level/1'"
SecRule ARGS "@rx gone" "id:942300,phase:2,block,msg:'Gone',tag:'paranoia-level/4'"
SecRule ARGS "@rx same" "id:942400,phase:2,block,msg:'Same',tag:'paranoia-level/3'"
"""
NEW = (
    OLD.replace("ARGS|ARGS_NAMES", "ARGS|REQUEST_HEADERS:Referer")
    .replace(f"{LONG}a", f"{LONG}b")
    .replace("t:none,", "t:none,t:lowercase,")
    .replace("level/2", "level/1")
    .replace("942300", "942310")
    + """SecAction "id:942900,phase:1,pass,nolog"\n"""
)
SPEC = """\
backends:
  site: {host: site.internal, port: 3000}
  api: {host: api.internal, port: 3000}
routes:
  - {path: /, backend: site}
  - {path: /v1/, backend: api}
  - {path: /old/, backend: api}
"""
STRICTER = """\
backends:
  site: {host: site.internal, port: 3000, timeouts: {read: 20s}}
  api: {host: api.internal, port: 3000}
waf:
  paranoia_level: 3
  exclusions: [{rule: 942400, target: "ARGS:text", path: /posts, reason: Markdown}]
routes:
  - {path: /, backend: site}
  - {path: /v1/, backend: api, methods: [GET, POST], max_body: 2m}
  - {hosts: [new.example.com], path: /, backend: api}
logs: {query: full}
"""
LOCK = """\
lock: 1
waf_builder: "0.1.0"
engine:
  kind: apt
  release: bookworm
  nginx: {{version: 1.22.1}}
  libmodsecurity: {{version: 3.0.{patch}}}
crs:
  version: {version}
  digest: {digest}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two of each kind, on a machine without an engine and without a network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAF_BUILDER_ENGINE", "none")
    monkeypatch.setenv("WAF_BUILDER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WAF_BUILDER_CRS_URL", "http://127.0.0.1:9/nothing-here")
    crs("old", "4.25.1", OLD, "rare\n" + "\n".join(f"word{number}" for number in range(40)))
    crs("new", "4.28.0", NEW, "rare\nadded\n")
    Path("old.yaml").write_text(SPEC)
    Path("new.yaml").write_text(STRICTER)
    return tmp_path


def crs(name: str, version: str, rules: str, words: str) -> None:
    place = Path(name) / "rules"
    place.mkdir(parents=True)
    (place / "REQUEST-901-INITIALIZATION.conf").write_text(INITIALIZATION.format(version=version))
    (place / "REQUEST-942-APPLICATION-ATTACK-SQLI.conf").write_text(rules)
    (place / "words.data").write_text(words)


def lock(file: str, version: str, patch: int, digest: str) -> None:
    Path(file).parent.mkdir(exist_ok=True)
    Path(file).write_text(LOCK.format(version=version, patch=patch, digest=digest))


def keep(name: str, version: str) -> str:
    """Put a rule set into the cache, as `lock` keeps it, and return its digest."""
    digest = content_digest(Path(name))
    home = Path("cache/crs") / f"{version}-{digest.partition(':')[2][:12]}"
    home.parent.mkdir(parents=True, exist_ok=True)
    Path(name).rename(home)
    return digest


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, ["diff", *arguments], catch_exceptions=False)
    assert "\x1b" not in result.output  # colours are for terminals
    return result


def locks() -> tuple[str, str]:
    lock("a/waf.lock", "4.25.1", 9, keep("old", "4.25.1"))
    lock("b/waf.lock", "4.28.0", 16, keep("new", "4.28.0"))
    return "a/waf.lock", "b/waf.lock"


CASES = {
    "folders": lambda: ("old", "new"),
    "specs": lambda: ("old.yaml", "new.yaml", "--crs", "old"),
    "locks": locks,
}


@pytest.mark.parametrize("form", ["txt", "json"])
@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, form: str, update_golden: bool):
    result = run(*CASES[case](), "--format", "text" if form == "txt" else "json")
    assert (result.exit_code, result.stderr) == (3, "")
    file = GOLDEN / f"{case}.{form}"
    if update_golden:
        file.parent.mkdir(exist_ok=True)
        file.write_text(result.stdout)
    assert file.read_text() == result.stdout
    if form == "txt":
        assert max(map(len, result.stdout.splitlines())) <= 80


@pytest.mark.parametrize("case", CASES)
def test_nothing_differs(case: str):
    old, _, *options = CASES[case]()
    result = run(old, old, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{old} -> {old}\n\nNothing differs.\n"


def test_a_lock_whose_rules_cannot_be_had_says_so_and_compares_the_rest():
    old, new = locks()
    lock(new, "4.28.0", 16, f"sha256:{'0' * 64}")
    result = run(old, new)
    assert result.exit_code == 1
    assert "  libmodsecurity         3.0.9 -> 3.0.16\n" in result.stdout
    assert "Changed rules" not in result.stdout
    assert result.stderr.endswith(
        f"{new}: error: the rules are not compared: Core Rule Set 4.28.0 of {new} cannot be had:"
        " http://127.0.0.1:9/nothing-here/v4.28.0.tar.gz cannot be reached: Connection refused"
        " [diff.rules-not-compared]\n"
        "    Unpack both releases and compare their folders, or run this where `waf-builder lock`"
        " has been run.\n"
    )


def test_a_version_that_nobody_knows():
    lock("a/waf.lock", "4.25.1", 9, keep("old", "4.25.1"))
    Path("waf.lock").write_text("lock: 1\ncrs: {version: 4.9.9}\n")
    result = run("a/waf.lock", "waf.lock")
    assert result.exit_code == 1
    assert "no release with this number is known here, and the lock has no digest" in result.stderr


def test_the_same_rules_are_not_looked_for():
    lock("a/waf.lock", "4.25.1", 9, f"sha256:{'0' * 64}")
    lock("b/waf.lock", "4.25.1", 16, f"sha256:{'0' * 64}")
    result = run("a/waf.lock", "b/waf.lock")
    assert (result.exit_code, result.stderr) == (3, "")


def test_specs_compare_without_rules():
    result = run("old.yaml", "new.yaml")
    assert result.exit_code == 3
    assert "On /\n" in result.stdout
    assert "to refuse" not in result.stdout
    assert "note: the rules are not compared: without an engine there are no rules" in result.stderr


def test_specs_of_other_rule_sets_do_not():
    Path("new.yaml").write_text(f'{SPEC}waf: {{crs: "4.28.0"}}\n')
    result = run("old.yaml", "new.yaml")
    assert result.exit_code == 1
    assert "new.yaml: error: the rules are not compared" in result.stderr


def test_own_rules_are_compared():
    Path("a/waf/rules/after-crs").mkdir(parents=True)
    Path("a/backend.yaml").write_text(SPEC)
    text = """SecRule ARGS "@rx mine" "id:100,phase:2,deny,msg:'Mine'"\n"""
    Path("a/waf/rules/after-crs/mine.conf").write_text(text)
    result = run("old.yaml", "a/backend.yaml", "--crs", "old")
    assert result.exit_code == 3
    assert "  100       any      -  Mine\n" in result.stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("old", "new.yaml", "error: old is a folder of rules and new.yaml is a spec\n"),
        ("old", "rules", "error: no Core Rule Set in rules: it has no rules/REQUEST-901"),
        ("old.yaml", "none.yaml", "error: there is no none.yaml\n"),
        ("waf.lock", "waf.lock", "error: there is no waf.lock\n"),
        ("old.yaml", "bad.yaml", "bad.yaml:1:1: error: "),
    ],
)
def test_what_cannot_be_compared_is_one_clear_error(old: str, new: str, message: str):
    Path("rules").mkdir()
    Path("bad.yaml").write_text("backendd: 1\n")
    result = run(old, new)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(message)


def test_every_key_of_the_json_is_always_there():
    keys = [
        set(json.loads(run(*CASES[case](), "--format", "json").stdout))
        for case in ("specs", "folders")
    ]
    assert keys[0] == keys[1]


def keys_of(value: object) -> Iterator[str]:
    """Yield every key in a document, except those of what other commands print too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in {"new", "gone", "problems"} or not isinstance(inner, list):
                yield from keys_of(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys_of(inner)


def test_every_key_of_the_json_is_documented():
    page = (Path(__file__).parents[2] / "docs/compare.md").read_text()
    told = [json.loads(run(*CASES[case](), "--format", "json").stdout) for case in CASES]
    assert [key for key in keys_of(told) if f"`{key}`" not in page] == []


_WORDS = st.sampled_from(
    ["SecRule", "SecAction", "ARGS", '"', "'", "id:1", "@rx", "@pmFromFile", "\\\n", "|", ",", "t:",
     "chain", "setvar:tx.a_score=", "\n", "\0", "é", "phase:"]
)  # fmt: skip


@given(st.lists(_WORDS | st.text(max_size=5), max_size=30), st.binary(max_size=50))
def test_no_rule_is_a_way_out(words: list[str], data: bytes):
    text = " ".join(words).encode("utf-8", "surrogatepass")
    broken = RuleSet({"a.conf": text + data}, {"a": data})
    whole = RuleSet({"a.conf": OLD.encode()}, {})
    assert not compare_rules(broken, broken).differs
    compare_rules(broken, whole)
    compare_rules(whole, broken)
