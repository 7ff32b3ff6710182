"""Exclusions: from what a spec wants left out to the form that libmodsecurity honours.

Without conditions a rule is removed, or its target updated, when the configuration is loaded: for
all requests, or for those of one location. With conditions a rule of ours looks at each request
and removes them while it is processed (`ctl`). What would do nothing is never written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from waf_builder.config import exclusionproblems as problems
from waf_builder.config import scopes
from waf_builder.config.inforce import verdict
from waf_builder.config.model import Exclusion, Locator, Target
from waf_builder.config.policies import route_waf
from waf_builder.config.targets import Miss, other_collections, targets_of
from waf_builder.crs.rules import IndexedRule, RuleIndex
from waf_builder.problem import Problem
from waf_builder.spec import model as spec
from waf_builder.spec.yaml import Path, dotted
from waf_builder.version import Version

FIRST_COMMON = 91_000
FIRST_OF_A_ROUTE = 95_000
"""Numbers of the rules that look at conditions. Those of routes may be the same: each location
has its own, beside the common ones."""

_XML_ATTRIBUTES = "XML://@*"
_READS_XML_ATTRIBUTES = Version(3, 0, 16)
"""Since then `XML://@*` may be a target of a ctl: https://github.com/coreruleset/coreruleset/pull/4693"""


@dataclass(frozen=True)
class Wanted:
    """An exclusion that is wanted, and where it comes from.

    path: where it stands in the spec. lenient: whether rules that this rule set does not have, or
    that do not look at the target, are passed over: for exclusions that we bring along ourselves.
    """

    exclusion: spec.Exclusion
    path: Path
    lenient: bool = False


def wanted_by(waf: spec.WafPolicy | spec.WafOverride, path: Path) -> list[Wanted]:
    """Return the exclusions of a `waf:` that stands at path."""
    return [
        Wanted(exclusion, (*path, "exclusions", index))
        for index, exclusion in enumerate(waf.exclusions)
    ]


@dataclass(frozen=True)
class Resolved:
    """The exclusions of a spec: those for all routes, and those of each route by its index."""

    common: tuple[Exclusion, ...]
    own: Mapping[int, tuple[Exclusion, ...]]
    problems: tuple[Problem, ...]


def resolve_exclusions(
    source: spec.Spec, index: RuleIndex | None, target: Target, at: Locator
) -> Resolved:
    """Return what is printed for the exclusions of a spec, and every problem with them.

    index: of the installed rules; None where they are not known.
    """
    resolver = Resolver(index, target, at)
    wanted = wanted_by(source.waf, ("waf",))
    policies = (
        _distinct(route_waf(route, source) for route in source.all_routes()) if wanted else []
    )
    common = resolver.resolve(wanted, policies, FIRST_COMMON)
    own = {}
    for number, route in enumerate(source.routes):
        if route.waf.exclusions:
            wanted = wanted_by(route.waf, ("routes", number, "waf"))
            own[number] = resolver.resolve(wanted, [route_waf(route, source)], FIRST_OF_A_ROUTE)
    return Resolved(common, own, tuple(resolver.problems))


def _distinct(policies: Iterable[spec.WafPolicy]) -> list[spec.WafPolicy]:
    """Return policies without those under which the same rules run."""
    return list(
        {
            (one.mode, one.paranoia_level, one.detection_paranoia_level, one.inspect_responses): one
            for one in policies
        }.values()
    )


@dataclass
class Resolver:
    """Turns wanted exclusions into what is printed, and collects what is wrong with them.

    index: of the installed rules; None where they are not known.
    """

    index: RuleIndex | None
    target: Target
    at: Locator
    problems: list[Problem] = field(default_factory=list)

    def resolve(
        self, wanted: Iterable[Wanted], policies: Sequence[spec.WafPolicy], first: int
    ) -> tuple[Exclusion, ...]:
        """Return the exclusions of one level, without those that would do nothing.

        policies: those that hold where the exclusions do. first: number of the first rule.
        """
        made: list[Exclusion] = []
        for one in wanted:
            conditions = tuple(scopes.conditions(one.exclusion))
            number = first + sum(bool(before.conditions) for before in made) if conditions else 0
            removed, targets = self._rules(one, policies)
            if removed or targets:
                reason = one.exclusion.reason
                made.append(Exclusion(reason, conditions, number, removed, targets))
        return tuple(made)

    def _rules(
        self, one: Wanted, policies: Sequence[spec.WafPolicy]
    ) -> tuple[tuple[int, ...], tuple[tuple[int, str], ...]]:
        """Return the rules that are removed, or else the targets that are."""
        target = one.exclusion.target
        if self.index is None:
            numbers = self._unchecked(one)
            return (numbers, ()) if target is None else ((), _as_written(numbers, target))
        rules = self._in_force(one, self._named(one, self.index), policies)
        if target is None:
            return tuple(rule.id for rule in rules), ()
        return (), tuple(self._targets(one, target, rules))

    def _named(self, one: Wanted, index: RuleIndex) -> list[IndexedRule]:
        if one.exclusion.tag is not None:
            return self._tagged(one, one.exclusion.tag, index)
        found = []
        for number in one.exclusion.numbers:
            rule = index.get(number)
            if rule is None:
                self._tell(one, problems.unknown_rule(number, index, self.target.crs))
            elif not rule.detects:
                self._tell(one, problems.steers(number))
            else:
                found.append(rule)
        return found

    def _tagged(self, one: Wanted, tag: str, index: RuleIndex) -> list[IndexedRule]:
        every, found = index.select(), index.select(tag)
        if not found:
            self._tell(one, problems.unknown_tag(tag, index, self.target.crs))
        elif one.exclusion.target is None and len(found) * 2 > len(every):
            self._tell(one, problems.waf_off(tag, (len(found), len(every))))
            return []
        return found

    def _in_force(
        self, one: Wanted, rules: Sequence[IndexedRule], policies: Sequence[spec.WafPolicy]
    ) -> list[IndexedRule]:
        """Return the rules that run under any of the policies; a warning for the others.

        A tag means whatever is in force: only where nothing is, that is worth a word.
        """
        kept, idle = [], []
        for rule in rules:
            found = [verdict(rule, policy, self.target.crs) for policy in policies]
            if any(found):
                kept.append(rule)
            else:
                idle.append(problems.idle(rule.id, found[0]))
        if one.exclusion.tag is not None:
            idle = idle[:1] if not kept else []
        for problem in idle:
            self._tell(one, problem)
        return kept

    def _targets(
        self, one: Wanted, target: spec.ExclusionTarget, rules: Sequence[IndexedRule]
    ) -> Iterator[tuple[int, str]]:
        found = {rule: targets_of(rule, target) for rule in rules}
        hits = {rule: hit for rule, hit in found.items() if not isinstance(hit, Miss)}
        if one.exclusion.tag is None:
            for rule, miss in found.items():
                if isinstance(miss, Miss):
                    self._tell(one, problems.not_looked_at(rule.id, miss))
        elif rules and not hits:
            self._tell(one, problems.looked_at_by_none(one.exclusion.tag, target))
        own, needed = self.target.modsecurity, _READS_XML_ATTRIBUTES
        unreadable = {_XML_ATTRIBUTES} if one.exclusion.scoped and own < needed else set()
        if any(unreadable.intersection(hit) for hit in hits.values()):
            self._tell(one, problems.xml_attributes(_XML_ATTRIBUTES, own, needed))
        if target.regex is not None:
            wide = {name: rule.id for rule in hits for name in other_collections(rule, target)}
            if wide:
                self._tell(one, problems.wide_regex(target, wide))
        for rule, hit in hits.items():
            yield from ((rule.id, written) for written in hit if written not in unreadable)

    def _unchecked(self, one: Wanted) -> tuple[int, ...]:
        told = problems.unchecked()
        if one.exclusion.tag is not None:
            self._tell(one, problems.needs_rules())
        elif not any(problem.code == told.code for problem in self.problems):
            self._tell(one, told)
        return one.exclusion.numbers

    def _tell(self, one: Wanted, problem: Problem) -> None:
        if not one.lenient:
            text = f"{dotted(one.path)}: {problem.message}"
            place = self.at(one.path)
            self.problems.append(replace(problem, message=text, place=place))


def _as_written(
    numbers: Sequence[int], target: spec.ExclusionTarget
) -> tuple[tuple[int, str], ...]:
    return tuple((number, str(target)) for number in numbers)
