"""A diff as people read it, on 80 columns."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from pathlib import PurePosixPath

from waf_builder.crs.rules import IndexedRule
from waf_builder.diff.change import Change
from waf_builder.diff.compare import Diff
from waf_builder.diff.policy import PolicyDiff, RouteDiff
from waf_builder.diff.rules import RulesDiff
from waf_builder.diff.verdicts import Verdicts, rules_of
from waf_builder.inspect import shown
from waf_builder.problem import errors_in

_WIDTH = 80
_NAME = 19
_LONGEST = 30
_AROUND = 12
"""Characters before the first difference that a long text is shown from."""
SHOWN = 50
"""Requests with another verdict that are shown; JSON has all."""


def text(diff: Diff) -> str:
    """Return the whole report."""
    blocks = [f"{diff.old.file} -> {diff.new.file}"]
    if not diff.differs and not errors_in(diff.problems):
        return f"{blocks[0]}\n\nNothing differs."
    if diff.locked:
        blocks.append(_block("Locked", diff.locked))
    if diff.policy:
        blocks += _policy(diff.policy)
    if diff.rules and (diff.rules.differs or diff.rules.same):
        blocks += _rules(diff.rules, _title(diff))
    if diff.verdicts:
        blocks.append("\n".join(_verdicts(diff.verdicts)))
    return "\n\n".join(blocks)


def _title(diff: Diff) -> str:
    old, new = diff.versions
    if old is None or new is None:
        return "Rules of your own"
    return f"Core Rule Set {old}" if old == new else f"Core Rule Set {old} -> {new}"


def _block(title: str, changes: Iterable[Change], more: Iterable[Change] = ()) -> str:
    told = [*changes, *more]
    width = max(min(len(change.what), _LONGEST) for change in told)
    lines = [line for change in told for line in _change(change, 2, width)]
    return "\n".join([title, "", *lines])


def _policy(policy: PolicyDiff) -> Iterator[str]:
    if policy.everywhere:
        yield _block("For the whole spec", policy.everywhere)
    for diff in policy.routes:
        yield _block(_routes(diff, policy), diff.changes, _begins(diff))
    for title, routes in (("New routes", policy.new), ("Routes that are gone", policy.gone)):
        if routes:
            yield "\n".join([title, "", *(f"  {_cut(route, 2)}" for route in routes)])


def _routes(diff: RouteDiff, policy: PolicyDiff) -> str:
    if len(diff.routes) > 1 and len(diff.routes) == len(policy.all_routes):
        return f"On all {len(diff.routes)} routes"
    named = f"On {', '.join(diff.routes)}"
    return "\n".join(textwrap.wrap(named, _WIDTH, break_on_hyphens=False, break_long_words=False))


def _begins(diff: RouteDiff) -> Iterator[Change]:
    if diff.begin:
        yield Change("begin to refuse", (), (_count(len(diff.begin)),))
    if diff.end:
        yield Change("no longer refuse", (_count(len(diff.end)),), ())


def _rules(diff: RulesDiff, title: str) -> Iterator[str]:
    if not diff.differs:
        yield f"{title}: its rules are the same"
        return
    yield "\n".join([title, "", *_table(diff)])
    for name, rules in (("New rules", diff.new), ("Rules that are gone", diff.gone)):
        if rules:
            yield "\n".join([name, "", *_listed(rules)])
    if diff.changed:
        lines = []
        detecting = [rule for rule in diff.changed if rule.new.detects]
        for rule in detecting:
            lines.append(f"  {rule.new.id:<6}  {_cut(rule.new.message, 10)}")
            for change in rule.changes:
                lines += _change(change, 10)
        if others := len(diff.changed) - len(detecting):
            lines.append(f"  set up or steer others: {others:,}, which --format json shows")
        yield "\n".join(["Changed rules", "", *lines])


def _table(diff: RulesDiff) -> Iterator[str]:
    counts = [
        Counter(_file(rule) for rule in rules)
        for rules in (diff.new, diff.gone, [changed.new for changed in diff.changed])
    ]
    files = sorted(set().union(*counts))
    width = max(map(len, [*files, "all"]))
    yield f"  {'':<{width}}  {'new':>5}  {'gone':>5}  {'changed':>7}"
    for file in files:
        yield f"  {file:<{width}}  {_row([count[file] for count in counts])}"
    yield f"  {'all':<{width}}  {_row([count.total() for count in counts])}"
    yield f"  as they were: {_count(diff.same)}"


def _row(counts: Sequence[int]) -> str:
    new, gone, changed = (f"{count:,}" if count else "-" for count in counts)
    return f"{new:>5}  {gone:>5}  {changed:>7}"


def _file(rule: IndexedRule) -> str:
    return PurePosixPath(rule.file).stem[: _WIDTH - 28]


def _listed(rules: Sequence[IndexedRule]) -> Iterator[str]:
    detecting = [rule for rule in rules if rule.detects]
    if detecting:
        yield "  id      level  score  message"
    for rule in detecting:
        level = str(rule.level or "any")
        yield f"  {rule.id:<6}  {level:>5}  {rule.score or '-':>5}  {_cut(rule.message, 24)}"
    if others := len(rules) - len(detecting):
        yield f"  set up or steer others: {others:,}"


def _change(change: Change, indent: int, width: int = _NAME) -> Iterator[str]:
    """Yield lines for what changed: in one where it fits, else what is gone, then what is new."""
    space = " " * indent
    used = indent + width + 2
    name = change.what
    if len(name) > width:
        yield space + _cut(name, indent)
        name = ""
    for line in _said(change, _WIDTH - used):
        yield f"{space}{name:<{width}}  {line}"
        name = ""


def _said(change: Change, room: int) -> Iterator[str]:
    if len(change.gone) == 1 and len(change.added) == 1:
        old, new = map(_printable, (change.gone[0], change.added[0]))
        if len(old) + len(new) + 4 <= room:
            yield f"{old} -> {new}"
            return
        old, new = _from_difference(old, new)
        yield _short(f"- {old}", room)
        yield _short(f"+ {new}", room)
        return
    for mark, values in (("-", change.gone), ("+", change.added)):
        if values:
            words = _printable(", ".join(values))
            lines = textwrap.wrap(words, room - 2, break_on_hyphens=False)
            yield from (
                f"{mark if not number else ' '} {line}" for number, line in enumerate(lines[:3])
            )
            if len(lines) > 3:  # noqa: PLR2004
                yield f"  and more, {len(values):,} in all"


def _from_difference(old: str, new: str) -> tuple[str, str]:
    """Return two long texts from shortly before they part."""
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False))
    start = sum(1 for _ in alike) - _AROUND
    return (old, new) if start <= _AROUND else (f"…{old[start:]}", f"…{new[start:]}")


def _verdicts(verdicts: Verdicts) -> Iterator[str]:
    changed = verdicts.changed
    yield f"{verdicts.asked:,} {'request' if verdicts.asked == 1 else 'requests'} asked of both"
    yield ""
    yield f"  {len(changed):>9,}  have another verdict"
    yield f"  {verdicts.other_rules:>9,}  have the same one, for other rules"
    if changed:
        yield ""
    for one in changed[:SHOWN]:
        request = one.new.request
        asked = _cut(f"{request.method} {shown.target(request)}", 20)
        yield f"  {one.old.verdict:>6} -> {one.new.verdict:<6}  {asked}"
        decisive = one.new if one.new.refused or one.new.verdict == "detect" else one.old
        if rules := rules_of(decisive):
            yield f"{'':20}{_cut(' '.join(map(str, rules)), 20)}"
    if len(changed) > SHOWN:
        yield f"  and {len(changed) - SHOWN:,} more, which --format json shows"


def _count(rules: int) -> str:
    return f"{rules:,} {'rule' if rules == 1 else 'rules'}"


def _cut(words: str, used: int) -> str:
    return _short(_printable(words), _WIDTH - used)


def _short(words: str, room: int) -> str:
    return words if len(words) <= room else f"{words[: room - 1]}…"


def _printable(words: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in words)
