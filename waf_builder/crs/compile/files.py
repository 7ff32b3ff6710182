"""The lists that rules read from files, such as `@pmFromFile unix-shell.data`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from waf_builder.crs.compile.model import Entry, RuleSet
from waf_builder.crs.compile.refusal import Refusal
from waf_builder.crs.compile.wordtree import shortened

OF_WORDS = frozenset({"pmfromfile", "pmf"})
_OPERATORS = OF_WORDS | {"ipmatchfromfile", "ipmatchf"}


def needed_lists(rules: RuleSet, folder: Path) -> dict[str, str]:
    """Return the lists that the compiled rules read, name to text; Refusal when one is missing.

    Those of words are shortened where every rule that reads them allows it.
    """
    found = {}
    for name, entry in _named(rules):
        if name in found:
            continue
        try:
            found[name] = (folder / name).read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise Refusal(f"the list {name}", entry.place) from error
    whole = {name for name, entry in _named(rules) if not entry.shortened}
    return {name: text if name in whole else shortened(text) for name, text in found.items()}


def _named(rules: RuleSet) -> Iterator[tuple[str, Entry]]:
    for _, entry in rules.rules:
        for rule in entry.rules if entry.ours else ():
            operator = rule.operator
            if operator and operator.name.lower() in _OPERATORS:
                yield from ((name, entry) for name in operator.argument.split())


def reads_words_only(entry: Entry) -> bool:
    """Return whether a rule reads lists, and none but lists of words."""
    named = {rule.operator.name.lower() for rule in entry.rules if rule.operator} & _OPERATORS
    return bool(named) and named <= OF_WORDS
