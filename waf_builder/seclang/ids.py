"""Rule numbers: which there are, and which a removal names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from waf_builder.problem import Place
from waf_builder.seclang.rule import DEFINES, rule_id
from waf_builder.seclang.scan import Scanner
from waf_builder.seclang.source import Source

_RANGE = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?\Z")


def rule_ids(texts: Mapping[str, str]) -> dict[int, Place]:
    """Return the number of every rule in the texts and where it is first given.

    texts: shown path to SecLang text. Fast enough for a whole rule set at each start (the OWASP
    Core Rule Set 4: 0.1 s), since of a rule only the actions up to `id` are read.
    """
    found: dict[int, Place] = {}
    for file, text in texts.items():
        source = Source(text, file)
        for number, offset in _defined(source):
            if number not in found:
                found[number] = source.place(offset)
    return found


def _defined(source: Source) -> Iterator[tuple[int, int]]:
    """Yield the number of each rule of a text and the offset where it is given."""
    scanner = Scanner(source)
    scanner.run()
    for statement in scanner.statements:
        if statement.name.text.lower() in DEFINES and (found := rule_id(source, statement)):
            yield found[0], found[1].start


def id_ranges(text: str) -> list[range] | None:
    """Return the rule numbers that `1 5-9` names; None if a word is no number and no range."""
    ranges = []
    for word in text.split():
        match = _RANGE.match(word)
        if not match:
            return None
        ranges.append(range(int(match[1]), int(match[2] or match[1]) + 1))
    return ranges
