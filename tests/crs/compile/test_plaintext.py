from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from waf_builder.crs.compile.plaintext import _possible, _read, cannot_match, needed
from waf_builder.crs.compile.screens import ALPHABETS
from waf_builder.seclang import Rule, read


def rule(operator: str, transformations: str = "none") -> Rule:
    actions = "".join(f",t:{name}" for name in transformations.split())
    found = read(f'SecRule REQUEST_FILENAME "{operator}" "id:1,phase:2{actions}"')
    (directive,) = found.directives
    assert directive.rule
    return directive.rule


@pytest.mark.parametrize(
    "pattern",
    ["<script", "a[<>]b", "(?:<|>)a", "(?i)x+=", r"\s", "(?:a<)+", "a(?:b|c)<", r"[\"'` ]a"],
)
def test_patterns_that_need_another_character(pattern: str):
    assert cannot_match(rule(f"@rx {pattern}", "none lowercase urlDecodeUni jsDecode"))


@pytest.mark.parametrize(
    ("operator", "transformations"),
    [
        ("@rx xhtml", "none"),
        ("@rx (?:<|a)b", "none"),
        ("@rx a<?", "none"),
        ("@rx a<*b", "none"),
        ("@rx [^a]", "none"),
        (r"@rx \W", "none"),
        (r"@rx \w", "none"),
        ("@rx .", "none"),
        (r"@rx \x{bc}", "none"),  # Python does not know it
        ("@rx [[:punct:]]", "none"),
        ("@rx (?=<)", "none"),
        ("@rx ", "none"),
        ("@rx (", "none"),
        ("!@rx <", "none"),
        ("@pm < >", "none"),
        ("@rx <", "none base64Decode"),
        ("@rx <", "none hexDecode"),
    ],
)
def test_what_may_match_or_is_not_known(operator: str, transformations: str):
    assert not cannot_match(rule(operator, transformations))


def test_it_is_right_about_the_rules_of_a_rule_set(engine):
    """What is said to need another character matches none of many plain names."""
    names = ["/xhtml", "/xmlns/a.b", "/index.html", "/a-b_c/0", "/on", "/eval", "/data.text.html"]
    checked = 0
    for file in engine.crs.rules.glob("REQUEST-94*.conf"):
        for directive in read(file.read_text()).directives:
            if directive.rule and cannot_match(directive.rule):
                pattern = re.compile(
                    directive.rule.operator.argument.replace(r"\"", '"'), re.DOTALL
                )
                checked += 1
                assert not any(pattern.search(name) for name in names), directive.place
    assert checked > 20


WORDS = """
time zone converter, select a from b or 1 and 2 union all having sleep exec eval system bash -c
ls -la cat etc passwd curl wget ping sort code script alert on load java lang runtime get post
http drop table where like null information_schema php_uname base64_decode echo print import
require include python perl nc id uname -a set env if then fi do done
""".split()  # noqa: SIM905  a list of a line each would be no easier to read


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_it_is_right_about_texts_of_plain_words(engine, alphabet: str):
    """Blanks count: `time zone` is a command to rule 932150 of 3.3."""
    chosen = random.Random(1)
    lines = [" ".join(chosen.choices(WORDS, k=chosen.randint(1, 6))) for _ in range(300)]
    texts = [*lines, *(line.replace(" ", chosen.choice(",._-")) for line in lines)]
    checked = 0
    for file in engine.crs.rules.glob("REQUEST-9[2-4]*.conf"):
        for directive in read(file.read_text()).directives:
            if directive.rule and cannot_match(directive.rule, ALPHABETS[alphabet]):
                argument = directive.rule.operator.argument.replace(r"\"", '"')
                try:
                    pattern = re.compile(argument, re.DOTALL | re.MULTILINE)
                except re.error:  # a look-behind of PCRE may vary in length
                    continue
                checked += 1
                found = [text for text in texts if pattern.search(text)]
                assert not found, (directive.rule.id, found)
    assert checked > 20


_FRAGMENTS = re.findall(
    r"\S+",
    r"a ab x1 7 ; < ^ $ | ( ) ) (?: (?i) (?i: (?! (?<= (?P<a> (?# * + ? {2} {2, {a1} { } . .* "
    r"[a^] [\\'\"\^]* [^a]* [^;]? [.]* []a] []a]* [^]]* [\]]* [a-z]* [&&]* [[ [ ] "
    r"\s \s* \S*? \b \d+ \x41 \x3b \1 \07 \\ \[ \n? \ é*",
)


@settings(max_examples=2000)
@given(st.lists(st.sampled_from([*_FRAGMENTS, " "]), max_size=9).map("".join))
def test_what_is_needed_of_an_expression_says_the_same_of_plain_texts(pattern: str):
    whole, left = _read(pattern), _read(needed(pattern))

    assert (whole is None) == (left is None)
    for alphabet in ALPHABETS.values() if whole is not None else ():
        assert _possible(left, alphabet) == _possible(whole, alphabet)


def test_what_is_needed_of_a_rule_set_says_the_same_and_is_short(engine):
    whole = 0
    left = 0
    for file in engine.crs.rules.glob("*.conf"):
        for directive in read(file.read_text()).directives:
            operator = directive.rule and directive.rule.operator
            if not operator or operator.name != "rx":
                continue
            short = needed(operator.argument)
            whole, left = whole + len(operator.argument), left + len(short)
            parsed, read_short = _read(operator.argument), _read(short)
            assert (parsed is None) == (read_short is None)
            for alphabet in ALPHABETS.values() if parsed is not None else ():
                assert _possible(read_short, alphabet) == _possible(parsed, alphabet)
    assert 0 < left < whole / 2
