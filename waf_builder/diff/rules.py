"""Two rule sets compared: rules that are new, gone and changed, and what of them has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from waf_builder.crs.digest import content_of
from waf_builder.crs.index import chains_of
from waf_builder.crs.installed import InstalledCrs
from waf_builder.crs.rules import IndexedRule
from waf_builder.diff.change import Change, list_change, value_changes
from waf_builder.seclang import Action, Directive, Rule

_DECIDES = ("block", "deny", "drop", "pass", "allow", "redirect", "proxy")
_TOLD_ELSEWHERE = frozenset(
    {*_DECIDES, "id", "phase", "t", "msg", "severity", "tag", "chain"}
)  # fmt: skip
_OF_A_RELEASE = frozenset({"ver", "rev", "logdata", "maturity", "accuracy", "log", "auditlog"})
"""What says nothing of what a rule finds, and differs in each release."""
_SCORE = re.compile(r"'?tx\.[^=]*_score", re.IGNORECASE)
"""How much a match counts is told as `score`; the variables' names are those of a major version."""
_ATTACK = "attack-"
_CONTINUED = re.compile(r"\\\r?\n[ \t]*")
_FROM_FILE = frozenset({"pmfromfile", "pmf", "ipmatchfromfile", "ipmatchf"})

Chain = Sequence[Directive]


@dataclass(frozen=True)
class RuleSet:
    """The files of a rule set: rules by their path, lists of words by their name alone."""

    rules: Mapping[str, bytes]
    words: Mapping[str, bytes]


@dataclass(frozen=True)
class ChangedRule:
    """A rule that both have, and what is otherwise in the new one."""

    old: IndexedRule
    new: IndexedRule
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class RulesDiff:
    """What differs between two rule sets, in the order of the rules' numbers.

    same: how many rules are as they were.
    """

    new: tuple[IndexedRule, ...]
    gone: tuple[IndexedRule, ...]
    changed: tuple[ChangedRule, ...]
    same: int

    @property
    def differs(self) -> bool:
        """Whether there is any difference."""
        return bool(self.new or self.gone or self.changed)


def rule_set(crs: InstalledCrs) -> RuleSet:
    """Return the files of an installed Core Rule Set; OSError when they cannot be read."""
    names = [PurePosixPath(name) for name in content_of(crs.folder) if name.startswith("rules/")]
    read = {name: (crs.folder / name).read_bytes() for name in names}
    return RuleSet(
        {str(name): data for name, data in read.items() if name.suffix == ".conf"},
        {name.name: data for name, data in read.items() if name.suffix == ".data"},
    )


def compare_rules(old: RuleSet, new: RuleSet) -> RulesDiff:
    """Return what differs between two rule sets."""
    before = {rule.id: (rule, chain) for rule, chain in chains_of(old.rules)}
    after = {rule.id: (rule, chain) for rule, chain in chains_of(new.rules)}
    both = sorted(before.keys() & after.keys())
    changed = []
    for number in both:
        changes = tuple(_changes(before[number], after[number], old.words, new.words))
        if changes:
            changed.append(ChangedRule(before[number][0], after[number][0], changes))
    return RulesDiff(
        tuple(after[number][0] for number in sorted(after.keys() - before.keys())),
        tuple(before[number][0] for number in sorted(before.keys() - after.keys())),
        tuple(changed),
        len(both) - len(changed),
    )


def _changes(
    old: tuple[IndexedRule, Chain],
    new: tuple[IndexedRule, Chain],
    old_words: Mapping[str, bytes],
    new_words: Mapping[str, bytes],
) -> Iterator[Change]:
    yield from value_changes(_facts(old[0]), _facts(new[0]))
    tags = ([tag for tag in rule.tags if tag.startswith(_ATTACK)] for rule in (old[0], new[0]))
    yield from list_change("tags", *tags)
    before, after = old[1], new[1]
    yield from list_change("other actions", _others(before), _others(after))
    yield from value_changes({"links": str(len(before))}, {"links": str(len(after))})
    for number, (was, now) in enumerate(zip(before, after, strict=False), 1):
        of = f" of link {number}" if number > 1 else ""
        if was.rule and now.rule:
            yield from _link(was.rule, now.rule, of)
            yield from _words(was.rule, now.rule, of, old_words, new_words)


def _facts(rule: IndexedRule) -> dict[str, str]:
    return {
        "level": str(rule.level or "any"),
        "score": str(rule.score),
        "severity": rule.severity,
        "phase": str(rule.phase),
        "message": rule.message,
    }


def _link(old: Rule, new: Rule, of: str) -> Iterator[Change]:
    yield from list_change(f"variables{of}", map(str, old.variables), map(str, new.variables))
    yield from value_changes({f"operator{of}": _operator(old)}, {f"operator{of}": _operator(new)})
    key = f"transformations{of}"
    yield from value_changes({key: _transformed(old)}, {key: _transformed(new)})
    yield from value_changes({f"action{of}": _decision(old)}, {f"action{of}": _decision(new)})


def _operator(rule: Rule) -> str:
    """Return the operator as the engine takes it, without its line continuations."""
    if rule.operator is None:
        return ""
    mark = "!" if rule.operator.negated else ""
    argument = _CONTINUED.sub("", rule.operator.argument)
    return f"{mark}@{rule.operator.name} {argument}".rstrip()


def _transformed(rule: Rule) -> str:
    return ", ".join(rule.values("t"))


def _decision(rule: Rule) -> str:
    return next((action.key for action in rule.actions if action.key in _DECIDES), "")


def _others(chain: Chain) -> Iterator[str]:
    """Yield what else a rule does, on whichever of its links that stands."""
    for directive in chain:
        for action in directive.rule.actions if directive.rule else ():
            if _counts(action):
                yield _plain(action)


def _counts(action: Action) -> bool:
    if action.key in _TOLD_ELSEWHERE or action.key in _OF_A_RELEASE:
        return False
    value = action.value or ""
    if action.key == "ctl":
        return not value.lower().startswith("auditlogparts")
    return not (action.key == "setvar" and _SCORE.match(value))


def _plain(action: Action) -> str:
    return action.key if action.value is None else f"{action.key}:{action.value}"


def _words(
    old: Rule, new: Rule, of: str, old_words: Mapping[str, bytes], new_words: Mapping[str, bytes]
) -> Iterator[Change]:
    before, after = _listed(old, old_words), _listed(new, new_words)
    if before is not None and after is not None:
        yield from list_change(f"words{of}", before, after)


def _listed(rule: Rule, words: Mapping[str, bytes]) -> list[str] | None:
    """Return the words of the files that an operator reads; None where it reads none."""
    operator = rule.operator
    if operator is None or operator.name.lower() not in _FROM_FILE:
        return None
    found: list[str] = []
    for name in operator.argument.split():
        text = words.get(PurePosixPath(name).name, b"").decode("utf-8", "replace")
        lines = (line.strip() for line in text.splitlines())
        found += [line for line in lines if line and not line.startswith("#")]
    return found
