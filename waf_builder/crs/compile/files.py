"""The lists that rules read from files, such as `@pmFromFile unix-shell.data`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from waf_builder.crs.compile.model import Entry, RuleSet
from waf_builder.crs.compile.refusal import Refusal

_OPERATORS = frozenset({"pmfromfile", "pmf", "ipmatchfromfile", "ipmatchf"})


def needed_lists(rules: RuleSet, folder: Path) -> dict[str, str]:
    """Return the lists that the compiled rules read, name to text; Refusal when one is missing."""
    found = {}
    for name, entry in _named(rules):
        if name in found:
            continue
        try:
            found[name] = (folder / name).read_bytes().decode()
        except (OSError, UnicodeDecodeError) as error:
            raise Refusal(f"the list {name}", entry.place) from error
    return found


def _named(rules: RuleSet) -> Iterator[tuple[str, Entry]]:
    for _, entry in rules.rules:
        for rule in entry.rules if entry.ours else ():
            operator = rule.operator
            if operator and operator.name.lower() in _OPERATORS:
                yield from ((name, entry) for name in operator.argument.split())
