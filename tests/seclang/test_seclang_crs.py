"""Whole Core Rule Sets: nothing lost, nothing misread, quickly."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from waf_builder.check.seclang import lint
from waf_builder.seclang import pcre, read, rule_ids

if TYPE_CHECKING:
    from collections.abc import Callable

# Mistakes of the rule sets themselves, as far as libmodsecurity 3 goes.
KNOWN = {
    # `ctl:ruleRemoveTargetById=941000-942999;...`: only the first number of the range counts.
    ("REQUEST-903.9003-NEXTCLOUD-EXCLUSION-RULES.conf", "seclang.ctl-target"),
    ("REQUEST-903.9004-DOKUWIKI-EXCLUSION-RULES.conf", "seclang.ctl-target"),
    # `@contains <h1 style=\"margin...`: the backslash is looked for too.
    ("RESPONSE-955-WEB-SHELLS.conf", "seclang.operator-quote"),
}


def best_of_three(work: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def test_everything_is_read(crs_rules: dict[str, str]):
    documents = [read(text, file) for file, text in crs_rules.items()]

    assert not [problem.render() for document in documents for problem in document.problems]
    assert sum(len(document.directives) for document in documents) > 500
    for document, text in zip(documents, crs_rules.values(), strict=True):
        assert document.replaced({}) == text
        for directive in document.directives:
            rule = directive.rule
            for part in (*rule.variables, *rule.actions) if rule else ():
                assert text[slice(*part.span)] == str(part)
            if rule and rule.operator:
                assert text[slice(*rule.operator.span)] == str(rule.operator)


def test_the_lint_has_nothing_to_say(crs_rules: dict[str, str]):
    problems = lint(crs_rules, ours=crs_rules.keys())

    unknown = [
        problem.render()
        for problem in problems
        if (problem.place.file if problem.place else "", problem.code) not in KNOWN
    ]
    assert not unknown, "\n".join(unknown)


def test_regexes_compile_without_the_library_too(crs_rules: dict[str, str]):
    wrong = [
        directive.place
        for file, text in crs_rules.items()
        for directive in read(text, file).directives
        if directive.rule
        and directive.rule.operator
        and directive.rule.operator.name == "rx"
        and pcre.careful_error(directive.rule.operator.argument)
    ]

    assert not wrong


def test_a_removal_of_any_rule_is_fine_and_of_another_is_not(crs_rules: dict[str, str]):
    known = rule_ids(crs_rules)
    assert len(known) > 200

    assert not lint({"own.conf": "SecRuleRemoveById 942100\n"}, known)
    (problem,) = lint({"own.conf": "SecRuleRemoveById 942102\n"}, known)
    assert problem.message == "there is no rule 942102"
    assert "942101" in problem.hint


def test_rule_ids_are_those_of_the_rules(crs_rules: dict[str, str]):
    thorough = {
        directive.rule.id
        for file, text in crs_rules.items()
        for directive in read(text, file).directives
        if directive.rule and directive.rule.has("id")
    }

    assert set(rule_ids(crs_rules)) == thorough


def test_it_is_fast(crs_rules: dict[str, str]):
    def read_all() -> None:
        for file, text in crs_rules.items():
            assert not read(text, file).problems

    assert best_of_three(read_all) < 0.3
    assert best_of_three(lambda: rule_ids(crs_rules)) < 0.3
