"""The vocabulary against the real engines: what every word's example comes to.

What should load is loaded in one file; only when the engine refuses that, and for what should not
load, each stands in a file of its own.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from waf_builder.seclang.vocabulary.actions import ACTIONS, CTL_OPTIONS, TRANSFORMATIONS
from waf_builder.seclang.vocabulary.directives import DIRECTIVES
from waf_builder.seclang.vocabulary.operators import OPERATORS
from waf_builder.seclang.vocabulary.variables import VARIABLES
from waf_builder.seclang.vocabulary.word import Support, Word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rules_engine import RulesEngine

pytestmark = pytest.mark.nginx


def directive(word: Word) -> str:
    return f"{word.name} {word.example}".rstrip()


def operator(word: Word) -> str:
    return f'SecRule ARGS "@{word.name} {word.example}'.rstrip() + '" "id:1,phase:1,pass"'


def variable(word: Word) -> str:
    return f'SecRule {word.name} "@rx x" "id:1,phase:1,pass"'


def action(word: Word) -> str:
    written = f"{word.name}:{word.example}" if word.example else word.name
    return f'SecAction "{written}"' if word.name == "id" else f'SecAction "id:1,{written}"'


def transformation(word: Word) -> str:
    return f'SecAction "id:1,phase:1,pass,t:{word.name}"'


def ctl(word: Word) -> str:
    return f'SecAction "id:1,phase:1,pass,ctl:{word.name}={word.example}"'


TABLES: dict[str, tuple[Callable[[Word], str], Iterable[Word]]] = {
    "directives": (directive, DIRECTIVES.values()),
    "operators": (operator, OPERATORS.values()),
    "variables": (variable, VARIABLES.values()),
    "actions": (action, ACTIONS.values()),
    "transformations": (transformation, TRANSFORMATIONS.values()),
    "ctl": (ctl, CTL_OPTIONS.values()),
}
# What was built in: the tables are about libmodsecurity with all of it, as Debian's is.
BUILT_IN = {"SecGeoLookupDb"}


def surprises(rules_engine: RulesEngine, wanted: Mapping[str, bool]) -> list[str]:
    """Return each statement that loads or does not, against what is wanted."""
    good = [statement for statement, loads in wanted.items() if loads]
    together = "".join(
        f"{statement.replace('id:1,', f'id:{number},')}\n"
        for number, statement in enumerate(good, start=1000)
    )
    alone = wanted
    if not rules_engine.refusal(together):
        alone = {statement: loads for statement, loads in wanted.items() if not loads}
    wrong = []
    for statement, loads in alone.items():
        refusal = rules_engine.refusal(f"{statement}\n")
        if loads is bool(refusal):
            wrong.append(f"{statement}: table says {loads}, engine {refusal or 'took it'}")
    return wrong


@pytest.mark.parametrize("table", TABLES)
def test_the_engine_agrees_with_the_table(table: str, rules_engine: RulesEngine):
    write, words = TABLES[table]
    there = rules_engine.engine.modsecurity_version
    wanted = {
        write(word): word.support is not Support.REFUSED and there >= word.since
        for word in words
        if word.name not in BUILT_IN
    }
    assert not surprises(rules_engine, wanted)


def test_collections_take_keys_and_nothing_else_does(rules_engine: RulesEngine):
    there = rules_engine.engine.modsecurity_version
    wanted = {
        f'SecRule {word.name}:x "@rx x" "id:1,phase:1,pass"': word.keyed
        for word in VARIABLES.values()
        if word.support is not Support.REFUSED and there >= word.since
    }
    assert not surprises(rules_engine, wanted)


def test_quotes_around_values_of_directives(rules_engine: RulesEngine):
    there = rules_engine.engine.modsecurity_version
    wrong = []
    for word, number in zip(DIRECTIVES.values(), count()):
        value = word.value
        if word.support is Support.REFUSED or value is None or there < word.since:
            continue
        if not value.pattern or word.name in {*BUILT_IN, "SecRemoteRules", "SecUnicodeMapFile"}:
            continue
        bare = word.example.strip('"')
        refusal = rules_engine.refusal(f'{word.name} "{bare}"\n')
        if value.quotable is bool(refusal):
            wrong.append(f"{number} {word.name}: quotable {value.quotable}, {refusal or 'took it'}")

    assert not wrong, "\n".join(wrong)
