"""The nouns of a rule index: a rule, the links of its chain, and all rules by number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from waf_builder.problem import Place
from waf_builder.seclang import Variable, read_variables
from waf_builder.seclang.vital import is_vital

POINTS = {"critical": 5, "error": 4, "warning": 3, "notice": 2}
"""What a match adds to the score; crs-setup.conf.example, rule 900100."""
_NEAREST = 3


class Link(NamedTuple):
    """One directive of a rule; a chained rule has several.

    looks_at: its variables as written, `ARGS|!ARGS:token`; empty for a SecAction.
    operator: its name without @. argument: shortened to what a person reads.
    """

    looks_at: str
    operator: str
    negated: bool
    argument: str
    transformations: tuple[str, ...]

    @property
    def variables(self) -> tuple[Variable, ...]:
        """The variables with their keys, exceptions (`negated`) and counts (`counted`)."""
        return read_variables(self.looks_at)


class IndexedRule(NamedTuple):
    """What the index knows of a rule.

    phase: 1 to 5. level: paranoia level, 0 for a rule that runs at each.
    severity: in small letters, `critical`; empty without one.
    message: as logged, macros not filled in.
    points: severity whose points a match adds to the score; empty when it adds none.
    file: below the folder of the rule set; line counts from 1.
    """

    id: int
    phase: int
    level: int
    severity: str
    message: str
    tags: tuple[str, ...]
    points: str
    file: str
    line: int
    links: tuple[Link, ...]

    @property
    def place(self) -> Place:
        """Where it stands."""
        return Place(self.file, self.line)

    @property
    def detects(self) -> bool:
        """Whether it looks for something; any other rule sets up, sums up or steers."""
        return bool(self.message) and not is_vital(range(self.id, self.id + 1))

    @property
    def of_responses(self) -> bool:
        """Whether it looks at what the backend answers."""
        return self.phase in {3, 4}

    @property
    def score(self) -> int:
        """The points that a match adds; 0 when it adds none."""
        return POINTS.get(self.points, 0)


class RuleIndex:
    """Every rule of a rule set by number, in the order in which they are loaded."""

    def __init__(self, rules: Iterable[IndexedRule]) -> None:
        self.rules: Mapping[int, IndexedRule] = MappingProxyType({rule.id: rule for rule in rules})

    def __iter__(self) -> Iterator[IndexedRule]:
        return iter(self.rules.values())

    def __len__(self) -> int:
        return len(self.rules)

    def __contains__(self, number: object) -> bool:
        return number in self.rules

    def get(self, number: int) -> IndexedRule | None:
        """Return the rule with a number; None when there is none."""
        return self.rules.get(number)

    @cached_property
    def tags(self) -> frozenset[str]:
        """Every tag that a rule has."""
        return frozenset(tag for rule in self for tag in rule.tags)

    def tagged(self, tag: str) -> list[IndexedRule]:
        """Return the rules with exactly this tag, capital and small letters alike."""
        wanted = tag.lower()
        return [rule for rule in self if any(own.lower() == wanted for own in rule.tags)]

    def nearest(self, number: int) -> list[int]:
        """Return the numbers of the nearest rules that look for something, in order."""
        known = [rule.id for rule in self if rule.detects]
        return sorted(sorted(known, key=lambda one: (abs(one - number), one))[:_NEAREST])

    def select(
        self, tag: str | None = None, text: str | None = None, level: int | None = None
    ) -> list[IndexedRule]:
        """Return the rules that look for something and are as wanted, by number.

        text: words, each of which the number, the message or a tag holds.
        """
        words = (text or "").lower().split()
        found = self.tagged(tag) if tag else iter(self)
        return sorted(
            rule
            for rule in found
            if rule.detects and level in {None, rule.level} and _holds(rule, words)
        )


def _holds(rule: IndexedRule, words: list[str]) -> bool:
    text = f"{rule.id} {rule.message} {' '.join(rule.tags)}".lower()
    return all(word in text for word in words)


def shortened(text: str, width: int) -> str:
    """Return at most so many characters of a text, and dots where there are more."""
    return text if len(text) <= width else f"{text[:width]}..."
