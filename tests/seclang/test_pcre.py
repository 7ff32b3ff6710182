from __future__ import annotations

import pytest
from support.cases import for_each

from waf_builder.seclang import pcre

SOUND = [
    "", "a", r"\x{41}\h\K", "(?i)a(?-i:b)", "(?>a|b)++", "(?|a|b)", "[]]", "[^]]", "[[:alpha:]]",
    r"[\]]", r"\Q(\E", "(?#()a", "(*UTF8)a", "a{2", "(?<n>a)\\k<n>", "(?x) a # (\n", r"\\", r"\(",
    "[(*]",
]  # fmt: skip
BROKEN = ["(a", "a)", "[a", "[]", "a\\", "*a", "a|*", "(+a)", "((a)"]


@for_each("pattern", SOUND)
def test_sound(pattern: str):
    assert pcre.regex_error(pattern) == ""
    assert pcre.careful_error(pattern) == ""


@for_each("pattern", BROKEN)
def test_broken(pattern: str):
    assert pcre.regex_error(pattern)
    assert pcre.careful_error(pattern)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pcre, "_pcre2", lambda: None)

    assert pcre.regex_error("(a") == "missing closing parenthesis"
    assert pcre.regex_error("a{9999999}") == ""


def test_the_library_is_asked():
    assert pcre.regex_error("a{9999999}") == ("number too big in {} quantifier at character 8")
