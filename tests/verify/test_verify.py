"""The proof that compiled rules say the same, and the proof that it finds what is wrong."""

from __future__ import annotations

import dataclasses
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from verify.conftest import ATTRIBUTES, SPECS, crs_4

from waf_builder.config.build import COMPILED_RULES
from waf_builder.crs.compile import PASSES, alone, compile_rules, plaintext, screens
from waf_builder.crs.compile import compile as compiling
from waf_builder.crs.compile.compile import Compiled
from waf_builder.crs.compile.words import in_file
from waf_builder.seclang import read
from waf_builder.verify.pair import Pair
from waf_builder.verify.verify import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from waf_builder.crs.compile.model import Entry
    from waf_builder.engine.model import Engine

    from .conftest import Pairs

    Fault = Callable[[Pair], Pair]

pytestmark = pytest.mark.nginx

COUNT = int(os.environ.get("WAF_BUILDER_TEST_REQUESTS", "200"))
"""For each of four policies and two engines; CI asks for 2,500, which is 20,000 in all."""

FAULT_COUNT = max(COUNT, 2500)
"""It ends with the first batch that shows the fault, which is seldom the last."""

FOLDER = "modsecurity/crs/"
SCREENS = "modsecurity/screens.conf"


@pytest.mark.slow
@pytest.mark.parametrize("policy", SPECS)
def test_compiled_rules_say_the_same_as_the_installed_ones(
    policy: str, engine: Engine, pairs: Pairs
):
    found = compare(pairs(policy, engine), count=COUNT, seed=1)
    assert not found.differences, "\n".join(map(str, found.differences[:3]))
    assert found.requests == COUNT
    assert len(found.rules) > 50
    assert (found.refused > COUNT / 10) == ("detect" not in SPECS[policy].splitlines()[0])


@pytest.mark.parametrize("policy", [*SPECS, ATTRIBUTES])
def test_so_do_those_of_the_next_major_version(policy: str, engine_new: Engine, pairs: Pairs):
    found = compare(pairs(policy, engine_new, crs_4()), count=COUNT, seed=1)
    assert not found.differences, "\n".join(map(str, found.differences[:3]))
    assert len(found.rules) > 50


def blank(text: str, number: int) -> str:
    """Return a rule file without the rule of a number, as a wrong step would leave it."""
    document = read(text)
    for chain in document.chains:
        if chain[0].rule and chain[0].rule.id == number:
            return document.replaced([(each.span, "") for each in chain])
    raise AssertionError(f"rule {number} is not there")


def file_of(pair: Pair, what: str) -> str:
    """Return the compiled file that holds a text."""
    for name, text in pair.compiled.items():
        if name.startswith(FOLDER) and name.endswith(".conf") and re.search(what, text):
            return name
    raise AssertionError(f"{what} is in no compiled file")


def with_text(pair: Pair, name: str, text: str) -> Pair:
    assert text != pair.compiled[name]
    return dataclasses.replace(pair, compiled={**pair.compiled, name: text})


def without_rule(number: int) -> Fault:
    """Return the fault of leaving out a rule that is in force."""

    def fault(pair: Pair) -> Pair:
        name = file_of(pair, rf"\bid:{number}\b")
        return with_text(pair, name, blank(pair.compiled[name], number))

    return fault


def replaced(old: str, new: str) -> Fault:
    """Return the fault of writing a rule in another way."""

    def fault(pair: Pair) -> Pair:
        name = file_of(pair, old)
        return with_text(pair, name, re.sub(old, new, pair.compiled[name]))

    return fault


def in_screens(old: str, new: str) -> Fault:
    """Return the fault of writing the screens in another way."""

    def fault(pair: Pair) -> Pair:
        return with_text(pair, SCREENS, re.sub(old, new, pair.compiled[SCREENS]))

    return fault


def in_code(where: object, name: str, wrong: object) -> Fault:
    """Return the fault of a screens' maker that has something else under a name."""

    def fault(pair: Pair) -> Pair:
        assert pair.engine.crs
        tree = {**pair.compiled, SCREENS: "# to be made\n"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(where, name, wrong)
            compiling._written.cache_clear()
            made = compile_rules(pair.engine.crs, tree, COMPILED_RULES)
        compiling._written.cache_clear()
        assert isinstance(made, Compiled)
        return with_text(pair, SCREENS, made.screens)

    return fault


def no_blanks(
    items: list[tuple[Any, Any]],
    plain: frozenset[str],
    right: Callable[[list[tuple[Any, Any]], frozenset[str]], bool] = plaintext._class,
) -> bool:
    """Say of a class that white space in it matches no plain text, which has blanks."""
    return right([item for item in items if str(item[1]) != "CATEGORY_SPACE"] or NOTHING, plain)


NOTHING = [("LITERAL", 0)]


def without(number: int) -> Callable[..., Iterator[object]]:
    """Return what makes parts of screens for every rule but one."""
    right = screens._part

    def part(entry: Entry, *rest: Any) -> Iterator[object]:
        return iter(()) if entry.id == number else right(entry, *rest)

    return part


def without_words_that_hold_others(pair: Pair) -> Pair:
    """Return the pair with a list that lost the words in which the engine finds another one."""
    name = f"{FOLDER}unix-shell.data"
    listed = in_file(pair.compiled[name])
    alone = [word for word in listed if not any(each in word[1:] for each in listed)]
    return with_text(pair, name, "\n".join(alone) + "\n")


def unscreened(pair: Pair) -> Pair:
    """Return the pair with every rule asked in every request, as other steps leave them."""
    return dataclasses.replace(pair, compiled={**pair.compiled, SCREENS: "# none\n"})


FAULTS: dict[str, tuple[str, str, Fault]] = {
    "conditions": ("default", "3", without_rule(949060)),
    "conditions of routes": ("routes", "3", without_rule(949062)),
    "jumped-over": ("default", "3", without_rule(942100)),
    "jumped-over on routes": ("routes", "3", without_rule(920272)),
    "response-bodies": ("routes", "3", without_rule(953100)),
    "switched-off": ("routes", "3", without_rule(941110)),
    "empty-jumps": ("routes", "3", without_rule(942014)),
    "markers": ("routes", "3", replaced('SecMarker "?END-REQUEST-942[^\n]*', "")),
    "written-exclusions": ("default", "4", replaced(r"!REQUEST_COOKIES:/\^_ga[^|]+", "!ARGS:a")),
    "written-exclusions by name": ("default", "4", replaced(r"\(\?-i:", "(?i:")),
    "scores": ("default", "3", replaced(r"(sql_injection_score=\+)5", r"\g<1>4")),
    "lists": ("default", "3", without_words_that_hold_others),
    "defaults": ("default", "3", without_rule(901140)),
    "constant-exclusions": (ATTRIBUTES, "4", replaced(r"\|XML:/\*", "|XML:/*|XML://@*")),
    "screens": ("default", "4", in_screens(r"SecRule [^\n]*union[^\n]*\n[^\n]*\n", "")),
    "screens of headers": ("default", "4", in_screens(r"\|REQUEST_HEADERS\b(?!:)", "")),
    "screens of plain names": ("default", "3", in_screens(r"\[\^A-Za-z0-9 ", "[^A-Za-z0-9 '=()")),
    "screens of texts with blanks": ("default", "3", in_code(plaintext, "_class", no_blanks)),
    "screens of half a list": (
        "default",
        "3",
        in_code(screens, "in_file", lambda text: in_file(text)[::2]),
    ),
    **{
        f"screens without {name}": ("default", "3", in_screens(f"(?i),t:{name}\\b", ""))
        for name in ("jsDecode", "urlDecodeUni")
    },
    **{
        f"screens without {name}": ("default", "4", in_screens(f"(?i),t:{name}\\b", ""))
        for name in ("cssDecode", "removeNulls")
    },
    "screens without a chained rule": ("default", "4", in_code(screens, "_part", without(933150))),
    "screens of files without a rule": ("default", "4", in_code(screens, "_part", without(933220))),
    "screens without rules that are led over": ("default", "3", in_code(alone, "_LARGE", 10)),
    "screens that lead over what they stop at": (
        "default",
        "3",
        replaced(r'"@eq 0" ("id:907\d+,phase:2,pass,t:none,nolog,skip:1)', r'"@eq 1" \1'),
    ),
    "screens without names": ("default", "3", in_screens(r"\|ARGS_NAMES\b", "")),
    "screens without cookies' names": ("default", "3", in_screens(r"\|REQUEST_COOKIES_NAMES", "")),
    "screens without XML": ("default", "3", in_screens(r"\|XML:/\*", "")),
    "screens without the path": ("default", "3", in_screens(r"\|REQUEST_FILENAME\b", "")),
    "screens that lead too far": (
        "default",
        "3",
        replaced('SecMarker "END-WAF-SCREENED[^\n]*', ""),
    ),
    "file-names": ("default", "4", replaced("ctl:ruleRemoveTargetById=941130[^,]+,", "")),
}
"""What each step could do wrong, by its name: policy, major version of the rule set, the fault."""


@pytest.mark.parametrize("step", FAULTS)
def test_what_a_step_does_wrong_is_found(step: str, engine_new: Engine, pairs: Pairs):
    policy, major, fault = FAULTS[step]
    pair = pairs(policy, engine_new, crs_4() if major == "4" else None)
    pair = fault(pair) if "screens" in step else unscreened(fault(pair))
    found = compare(pair, count=FAULT_COUNT, seed=1)
    assert found.differences, f"{found.requests} requests did not show it"


def test_each_step_has_a_fault():
    assert {name.partition(" ")[0] for name in FAULTS} == set(PASSES)


def test_a_difference_says_what_was_sent_and_what_came_of_it(engine_old: Engine, pairs: Pairs):
    pair = pairs("default", engine_old)
    (first, *_) = compare(without_rule(942100)(pair), count=COUNT, seed=1).differences
    lines = str(first).splitlines()
    assert lines[0] == f"request {first.request.number}: {first.request.data!r}"
    assert re.match(r"    installed: \d+, rules [\d ]*942100[\d ]*, scores ", lines[1])
    assert re.match(r"    compiled:  \d+, rules [\d a-z]+, scores ", lines[2])
    assert re.match(r"    they differ in ([\d, ]*)942100", lines[3])
