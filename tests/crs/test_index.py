"""The rule index against whole rule sets, a second reader, and damaged caches."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from secrules_parsing import parser

from waf_builder import sealed
from waf_builder.crs import indexcache
from waf_builder.crs.index import index_of, rule_index
from waf_builder.crs.installed import find_crs
from waf_builder.seclang import read_text

if TYPE_CHECKING:
    from waf_builder.crs.rules import IndexedRule, RuleIndex
    from waf_builder.engine.model import Engine

RULES = rb"""
SecRule ARGS|!ARGS:token|&ARGS:n|REQUEST_HEADERS:User-Agent|ARGS:'/^a|b$/' "!@rx ^[a-z]+$" \
    "id:100001,phase:request,block,t:none,t:lowercase,msg:'It\'s odd',severity:2,chain,\
    tag:'attack-own',tag:'paranoia-level/3'"
    SecRule MATCHED_VAR "@pm a b" "t:none,\
        setvar:'tx.inbound_anomaly_score_pl3=+%{tx.critical_anomaly_score}'"
SecAction "id:100002,phase:4,pass,nolog"
SecRule RESPONSE_BODY "leak" "id:100003,phase:4,block,msg:'Leak',severity:'ERROR',\
    setvar:'tx.outbound_anomaly_score_pl1=+%{tx.error_anomaly_score}'"
SecRule ARGS "@rx x" "id:100001,phase:2,msg:'a number that is taken'"
SecRule ARGS "@rx no number" "phase:2"
"""


def own_index() -> RuleIndex:
    return index_of({"rules/own.conf": RULES})


def test_a_chained_rule():
    rule = own_index().rules[100001]
    head, second = rule.links

    assert (rule.phase, rule.level, rule.severity) == (2, 3, "critical")
    assert (rule.message, rule.tags) == ("It's odd", ("attack-own", "paranoia-level/3"))
    assert (rule.points, rule.score, rule.of_responses) == ("critical", 5, False)
    assert str(rule.place) == "rules/own.conf:2"
    assert [str(one) for one in head.variables] == [
        "ARGS",
        "!ARGS:token",
        "&ARGS:n",
        "REQUEST_HEADERS:User-Agent",
        "ARGS:'/^a|b$/'",
    ]
    assert [one.negated for one in head.variables] == [False, True, False, False, False]
    assert (head.operator, head.negated, head.argument) == ("rx", True, "^[a-z]+$")
    assert head.transformations == ("none", "lowercase")
    assert (second.looks_at, second.operator) == ("MATCHED_VAR", "pm")


@pytest.mark.parametrize(
    ("adds", "severity", "points"),
    [
        ("+%{tx.Error_anomaly_score}", "CRITICAL", "error"),
        ("+%{tx.own_anomaly_score}", "CRITICAL", ""),
        ("+5", "NOTICE", "critical"),
        ("+2", "CRITICAL", "notice"),
        ("+7", "WARNING", "warning"),
        ("+7", "DEBUG", ""),
        ("0", "CRITICAL", ""),
    ],
)
def test_what_a_match_adds(adds: str, severity: str, points: str):
    """By the name that the rule set gives to a number, or by the rule's own severity."""
    rule = f"phase:2,severity:'{severity}',setvar:'tx.anomaly_score_pl1={adds}'"
    index = index_of({"a.conf": f'SecRule ARGS "@rx x" "id:1,{rule}"\n'.encode()})
    assert index.rules[1].points == points


def test_other_rules():
    index = own_index()

    assert list(index.rules) == [100001, 100002, 100003]
    assert [rule.detects for rule in index] == [True, False, True]
    leak = index.rules[100003]
    assert (leak.phase, leak.level, leak.score, leak.of_responses) == (4, 0, 4, True)
    assert (leak.links[0].operator, leak.links[0].argument) == ("rx", "leak")


def test_choosing_rules():
    index = own_index()

    assert [rule.id for rule in index.tagged("ATTACK-own")] == [100001]
    assert [rule.id for rule in index.select()] == [100001, 100003]
    assert [rule.id for rule in index.select(level=3)] == [100001]
    assert [rule.id for rule in index.select(text="LEAK 3")] == [100003]
    assert index.select(tag="attack-own", text="leak") == []
    assert index.nearest(100002) == [100001, 100003]
    assert 100002 in index
    assert 100004 not in index


@pytest.fixture(scope="module", params=["engine_old", "engine_new", "crs_4"])
def folder(request: pytest.FixtureRequest) -> Path:
    """Each rule set there is, one after the other."""
    if request.param == "crs_4":
        named = os.environ.get("WAF_BUILDER_TEST_CRS_4")
        if not named:
            pytest.skip("no Core Rule Set 4: name its folder in WAF_BUILDER_TEST_CRS_4")
        return find_crs(Path(named)).folder
    engine: Engine = request.getfixturevalue(request.param)
    assert engine.crs
    return engine.crs.folder


@pytest.fixture(scope="module")
def index(folder: Path) -> RuleIndex:
    return rule_index(folder)


def test_no_rule_is_missing(folder: Path, index: RuleIndex):
    text = "".join(read_text(file) for file in sorted((folder / "rules").glob("*.conf")))
    code = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)

    assert set(index.rules) == {int(found) for found in re.findall(r"\bid:'?(\d+)\b", code)}
    tags = re.findall(r"tag:'paranoia-level/(\d)'", code)
    assert len(tags) == sum(rule.level > 0 for rule in index)
    assert len(index.select()) > 200


def test_known_rules(index: RuleIndex):
    libinjection = index.rules[942100]
    looks_at = [str(one) for one in libinjection.links[0].variables]
    assert {"ARGS", "ARGS_NAMES", "REQUEST_COOKIES", "REQUEST_HEADERS:User-Agent"} < set(looks_at)
    assert (libinjection.level, libinjection.phase, libinjection.score) == (1, 2, 5)
    assert "attack-sqli" in libinjection.tags
    assert index.rules[920350].score == 3
    assert index.rules[953100].of_responses
    assert not index.rules[949110].detects
    assert not index.rules[901100].detects


FILES = ("920-PROTOCOL-ENFORCEMENT", "944-APPLICATION-ATTACK-JAVA")
Seen = tuple[str, str, list[str], list[list[str]], list[list[str]]]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", FILES)
def test_another_reader_sees_the_same(folder: Path, index: RuleIndex, name: str):
    """secrules-parsing, the Core Rule Set project's own reader; slow, so some files only.

    Of variables it keeps only those that are collections, and neither ! nor &.
    """
    theirs = _as_they_read(folder / "rules" / f"REQUEST-{name}.conf")
    ours = {number: _as_we_read(index.rules[number]) for number in theirs}

    assert len(theirs) > 15
    assert ours == theirs


def _as_we_read(rule: IndexedRule) -> Seen:
    return (
        str(rule.phase),
        rule.severity,
        list(rule.tags),
        [[step.lower() for step in link.transformations] for link in rule.links],
        [[_name(one.collection, one.selector) for one in link.variables] for link in rule.links],
    )


def _as_they_read(file: Path) -> dict[int, Seen]:
    (model,) = parser.process_rules([str(file)])
    assert not isinstance(model, dict), model
    found: dict[int, Seen] = {}
    goes_on: Seen | None = None
    for rule in model.rules:
        if rule.__class__.__name__ not in {"SecRule", "SecAction"}:
            continue
        actions = rule.actions
        if goes_on is None:
            phase = next((str(one.phase) for one in actions if one.phase), "2")
            severity = next((one.severity for one in actions if one.severity), "")
            tags = [one.tag for one in actions if one.tag]
            goes_on = (PHASES.get(phase, phase), severity.strip("'").lower(), tags, [], [])
            found[next(one.id for one in actions if one.id)] = goes_on
        goes_on[3].append([step.lower() for one in actions for step in one.transformations])
        variables = getattr(rule, "variables", ())
        goes_on[4].append([_name(one.collection, one.collectionArg) for one in variables])
        if not any(one.chain for one in actions):
            goes_on = None
    return found


PHASES = {"request": "2", "response": "4", "logging": "5"}
COLLECTIONS = re.compile(
    r"(ARGS(_GET|_POST)?|FILES|REQUEST_COOKIES|RE(QUEST|SPONSE)_HEADERS|TX|MATCHED_VARS)(_NAMES)?"
)


def _name(collection: str | None, key: str | None) -> str:
    if not collection or not COLLECTIONS.fullmatch(collection.upper()):
        return ""
    if (key or "").startswith("_"):  # they take FILES_COMBINED_SIZE for FILES and a key
        return ""
    return f"{collection}:{(key or '').strip(chr(39) + '/')}".upper()


def test_what_is_kept_is_the_same(folder: Path, index: RuleIndex, tmp_path: Path):
    for _ in range(2):
        assert list(rule_index(folder, cache=tmp_path)) == list(index)
    assert len(list((tmp_path / "rules").iterdir())) == 1


def test_it_is_fast(folder: Path, tmp_path: Path):
    def seconds() -> float:
        start = time.process_time()
        rule_index(folder, cache=tmp_path)
        return time.process_time() - start

    assert seconds() < 1
    assert min(seconds() for _ in range(5)) < 0.05


def kept(folder: Path) -> Path:
    index_of({"a.conf": RULES}, folder)
    (file,) = (folder / "rules").iterdir()
    return file


def test_an_index_is_read_back_without_the_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    kept(tmp_path)
    monkeypatch.setattr("waf_builder.crs.index.read", None)

    assert list(index_of({"a.conf": RULES}, tmp_path).rules) == [100001, 100002, 100003]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:0],
        lambda data: data[:-1],
        lambda data: data.replace(b"100002", b"100009"),
        lambda data: data.replace(b"rule index", b"rule indek"),
        lambda data: b"\xff" + data,
        lambda data: data + b"\n",
    ],
)
def test_a_damaged_index_is_made_anew(tmp_path: Path, damage):
    file = kept(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))

    assert list(index_of({"a.conf": RULES}, tmp_path).rules) == [100001, 100002, 100003]
    assert file.read_bytes() == whole


def test_a_sealed_index_of_another_shape_is_made_anew(tmp_path: Path):
    file = kept(tmp_path)
    key = indexcache.key_of({"a.conf": RULES})
    data = b"[[1]]"
    file.write_bytes(sealed.seal(key, data) + b"\n" + data)

    assert len(index_of({"a.conf": RULES}, tmp_path)) == 3


def test_other_content_has_another_index(tmp_path: Path):
    kept(tmp_path)
    changed = RULES.replace(b"Leak", b"Loss")

    assert index_of({"a.conf": changed}, tmp_path).rules[100003].message == "Loss"
    assert index_of({"b.conf": RULES}, tmp_path).rules[100003].file == "b.conf"


def test_a_release_of_the_package_makes_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = indexcache.key_of({"a.conf": RULES})
    monkeypatch.setattr(indexcache, "__version__", "0")

    assert indexcache.key_of({"a.conf": RULES}) != before


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path):
    (tmp_path / "rules").write_text("a file stands here")

    assert len(index_of({"a.conf": RULES}, tmp_path)) == 3


def test_old_indexes_go(tmp_path: Path):
    for number in range(12):
        index_of({f"{number}.conf": RULES}, tmp_path)

    assert len(list((tmp_path / "rules").iterdir())) == 8


def test_rules_of_a_plugin(tmp_path: Path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "one.conf").write_bytes(RULES)
    plugin = tmp_path / "plugins" / "own-before.conf"
    plugin.parent.mkdir()
    plugin.write_text('SecAction "id:9500000,phase:1,pass,nolog"\n')

    assert 9500000 not in rule_index(tmp_path)
    assert rule_index(tmp_path, [plugin]).rules[9500000].file == "plugins/own-before.conf"
