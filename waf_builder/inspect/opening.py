"""What an exclusion takes out of the rules' sight, and who still looks there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from waf_builder.config.targets import Miss, targets_of
from waf_builder.crs.rules import IndexedRule, RuleIndex
from waf_builder.inspect.proposal import Proposal, every_path
from waf_builder.spec.exclusiontarget import ExclusionTarget

_KIND = "attack-"
_NAMED = 4
"""More rules than these are only counted."""


@dataclass(frozen=True)
class Opening:
    """Rules that stop looking at a target.

    target: empty where they are off for the whole request. path: empty for every path. route: the
    label of the one that it is about, empty for all. same_kind,
    any_kind: how many rules in force look there, for the same kinds of attack and at all, and how
    many of them still do.
    """

    target: str
    path: str
    rules: tuple[int, ...]
    same_kind: tuple[int, int]
    any_kind: tuple[int, int]
    route: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the stable JSON form; every key is always there."""
        still_same, same = self.same_kind
        still, every = self.any_kind
        return {
            "target": self.target,
            "path": self.path,
            "rules": list(self.rules),
            "rules_of_this_kind": {"before": same, "after": still_same},
            "rules_of_any_kind": {"before": every, "after": still},
        }

    def __str__(self) -> str:
        """Return it as a sentence."""
        where = f"{self.path} and below" if self.path else every_path(self.route)
        what = f"look at {self.target} of {where}" if self.target else f"look at {where}"
        still_same, same = self.same_kind
        still, every = self.any_kind
        told = f"{_named(self.rules)} no longer {what}."
        if same:
            told += f" For this kind of attack {still_same} of {same} rules in force still do,"
            return f"{told} for any {still} of {every}."
        return f"{told} Of all rules in force {still} of {every} still do." if every else told


def openings(proposal: Proposal, index: RuleIndex, level: int) -> Iterator[Opening]:
    """Yield what leaving out the matches of a proposal opens, target by target.

    level: the paranoia level up to which rules are in force.
    """
    for target, matches in proposal.excluded.items():
        rules = frozenset(match.rule for match in matches)
        looking = list(_looking(index, target, level))
        kinds = {tag for rule in looking if rule.id in rules for tag in _kinds(rule)}
        same = [rule for rule in looking if kinds.intersection(_kinds(rule))]
        yield Opening(
            target,
            proposal.path,
            tuple(sorted(rules)),
            _counted(same, rules),
            _counted(looking, rules),
            proposal.route,
        )


def _looking(index: RuleIndex, target: str, level: int) -> Iterator[IndexedRule]:
    collection, _, key = target.partition(":")
    wanted = ExclusionTarget(collection, key or None)
    for rule in index:
        counts = rule.detects and rule.points and rule.level <= level and not rule.of_responses
        if counts and not (target and isinstance(targets_of(rule, wanted), Miss)):
            yield rule


def _kinds(rule: IndexedRule) -> set[str]:
    return {tag for tag in rule.tags if tag.startswith(_KIND)}


def _counted(looking: Sequence[IndexedRule], rules: Iterable[int]) -> tuple[int, int]:
    gone = set(rules)
    return sum(rule.id not in gone for rule in looking), len(looking)


def _named(rules: Sequence[int]) -> str:
    if len(rules) == 1:
        return f"Rule {rules[0]} will"
    if len(rules) > _NAMED:
        return f"{len(rules)} rules will"
    return f"Rules {', '.join(map(str, rules[:-1]))} and {rules[-1]} will"
