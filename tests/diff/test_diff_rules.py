"""Rules compared, one kind of difference after the other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.cases import for_each

from waf_builder.crs.installed import find_crs
from waf_builder.diff.change import Change
from waf_builder.diff.rules import RulesDiff, RuleSet, compare_rules, rule_set

RULE = """\
SecRule ARGS|REQUEST_COOKIES "@rx ^attack" \\
    "id:942100,phase:2,block,t:none,t:lowercase,msg:'SQL',severity:'CRITICAL',ver:'OWASP_CRS/1',\\
    tag:'attack-sqli',tag:'paranoia-level/1',tag:'OWASP_CRS',logdata:'%{MATCHED_VAR}',capture,\\
    setvar:'tx.inbound_anomaly_score_pl1=+%{tx.critical_anomaly_score}'"
"""
CHAIN = """\
SecRule ARGS "@rx a" "id:1,phase:2,block,t:none,msg:'Two',chain"
    SecRule REQUEST_URI "@rx b" "t:none"
"""
WORDS = """SecRule ARGS "@pmFromFile sql.data" "id:2,phase:2,block,t:none,msg:'Words'"\n"""


def made(text: str, words: str = "") -> RuleSet:
    return RuleSet({"rules/X.conf": text.encode()}, {"sql.data": words.encode()})


def changed(old: str, new: str) -> list[Change]:
    found = compare_rules(made(old), made(new))
    assert not found.new
    assert not found.gone
    return [change for rule in found.changed for change in rule.changes]


@for_each(
    ("old", "new", "change"),
    [
        ("ARGS|REQ", "ARGS|!ARGS:token|REQ", Change("variables", (), ("!ARGS:token",))),
        ("ARGS|REQUEST_COOKIES", "ARGS_NAMES|REQUEST_COOKIES",
         Change("variables", ("ARGS",), ("ARGS_NAMES",))),
        ("^attack", "attack$", Change("operator", ("@rx ^attack",), ("@rx attack$",))),
        ("@rx ^", "!@rx ^", Change("operator", ("@rx ^attack",), ("!@rx ^attack",))),
        ("t:lowercase", "t:lowercase,t:cmdLine",
         Change("transformations", ("none, lowercase",), ("none, lowercase, cmdLine",))),
        ("paranoia-level/1", "paranoia-level/2", Change("level", ("1",), ("2",))),
        ("critical_anomaly", "warning_anomaly", Change("score", ("5",), ("3",))),
        ("CRITICAL", "WARNING", Change("severity", ("critical",), ("warning",))),
        ("phase:2", "phase:1", Change("phase", ("2",), ("1",))),
        ("msg:'SQL'", "msg:'Injection'", Change("message", ("SQL",), ("Injection",))),
        ("block", "deny", Change("action", ("block",), ("deny",))),
        ("attack-sqli", "attack-xss", Change("tags", ("attack-sqli",), ("attack-xss",))),
        ("capture", "multiMatch", Change("other actions", ("capture",), ("multimatch",))),
    ],
)  # fmt: skip
def test_what_has_changed_is_told(old: str, new: str, change: Change):
    assert changed(RULE, RULE.replace(old, new)) == [change]


@for_each(
    ("old", "new"),
    [
        ("OWASP_CRS/1", "OWASP_CRS/2"),
        ("'%{MATCHED_VAR}'", "'%{TX.0}'"),
        ("tag:'OWASP_CRS'", "tag:'OWASP_CRS/ATTACK-SQLI',tag:'capec/1'"),
        ("inbound_anomaly_score_pl1", "anomaly_score_pl1"),
        ("ARGS|REQUEST_COOKIES", "REQUEST_COOKIES|ARGS"),
        ("phase:2", "phase:request"),
        ("@rx ^attack", "@rx ^att\\\n    ack"),
        ("capture", "capture,ctl:auditLogParts=+E"),
    ],
)
def test_what_says_nothing_of_a_rule_is_not(old: str, new: str):
    assert changed(RULE, RULE.replace(old, new)) == []


def test_each_link_of_a_chain_is_compared():
    assert changed(CHAIN, CHAIN.replace("@rx b", "@rx c")) == [
        Change("operator of link 2", ("@rx b",), ("@rx c",))
    ]
    assert changed(CHAIN, CHAIN.replace(",chain", "")) == [Change("links", ("2",), ("1",))]


def test_so_are_the_lists_of_words():
    found = compare_rules(made(WORDS, "# old\nselect\ndrop\n"), made(WORDS, "select\n\nunion\n"))
    ((rule,),) = [found.changed]
    assert rule.changes == (Change("words", ("drop",), ("union",)),)


def test_new_and_gone_rules():
    found = compare_rules(made(RULE + CHAIN), made(WORDS + RULE))
    assert [rule.id for rule in found.new] == [2]
    assert [rule.id for rule in found.gone] == [1]
    assert (found.changed, found.same, found.differs) == ((), 1, True)


def test_the_same_rule_set_does_not_differ(engine_old):
    rules = rule_set(engine_old.crs)
    found = compare_rules(rules, rules)
    assert found == RulesDiff((), (), (), found.same)
    assert found.same > 600
    assert not found.differs


def test_two_releases_of_one_line(engine_old, engine_new):
    old, new = engine_old.crs, engine_new.crs
    if (str(old.version), str(new.version)) != ("3.3.4", "3.3.9"):
        pytest.skip(f"these are {old.version} and {new.version}")
    found = compare_rules(rule_set(old), rule_set(new))
    told = {rule.new.id: rule.changes for rule in found.changed}
    # https://github.com/coreruleset/coreruleset/blob/v3.3.9/CHANGES.md
    assert [change.what for change in told[920121]] == ["operator"]
    assert told[950100] == (Change("phase", ("4",), ("3",)),)
    assert not found.gone


def test_two_majors(engine_new):
    folder = os.environ.get("WAF_BUILDER_TEST_CRS_4")
    if not folder:
        pytest.skip("WAF_BUILDER_TEST_CRS_4 names no Core Rule Set 4")
    found = compare_rules(rule_set(engine_new.crs), rule_set(find_crs(Path(folder))))
    assert min(map(len, (found.new, found.gone, found.changed))) > 100
    told = [change.what for rule in found.changed for change in rule.changes]
    assert told.count("score") < 10, "the names of variables are no difference"
