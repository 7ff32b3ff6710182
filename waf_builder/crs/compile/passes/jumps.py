"""Rules that are always skipped, jumps over nothing, and markers that nothing jumps to."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.crs.compile.facts import Facts, facts_of
from waf_builder.crs.compile.jumps import Jump, targets
from waf_builder.crs.compile.model import Entry, Removed, RuleSet


def jumped_over(rules: RuleSet) -> Iterator[Removed]:
    """Remove rules that every request jumps over.

    Reason: `TX:DETECTION_PARANOIA_LEVEL "@lt 2"` with `skipAfter` keeps the rules above a
    paranoia level from running; they are loaded, and take memory, all the same. So do the
    exclusion packages of the Core Rule Set 3 for applications that nobody named.
    Proof: the jump's condition is always true (`Facts.truth`), in a rule of its own; whatever
    skips or switches off the jump (another jump, an exclusion) does so with the rule, too; no
    `skip` counts either of them.
    """
    facts = facts_of(rules)
    sure = {
        id(jump.entry)
        for jump in facts.jumps.all
        if len(jump.entry.directives) == 1 and facts.truth(jump.entry) is True
    }
    for at, entry in rules.rules:
        if not entry.ours or facts.jumps.is_pinned(at):
            continue
        for jump in facts.jumps.over(at):
            if id(jump.entry) in sure and _holds_for(facts, jump, at, entry):
                yield Removed(entry, f"every request jumps over it, by rule {jump.entry.id}")
                break


def _holds_for(facts: Facts, jump: Jump, at: int, entry: Entry) -> bool:
    here = facts.position(jump.entry)
    if facts.jumps.is_pinned(here) or not jump.entry.always:
        return False
    around = facts.jumps.over(here)
    if not all(other.over(at, entry.phase) for other in around):
        return False
    return not facts.exclusions.may_spare(jump.entry, entry)


def empty_jumps(rules: RuleSet) -> Iterator[Removed]:
    """Remove rules that do nothing but jump, where no rule is left to jump over.

    Reason: each of them is asked for in every request.
    Proof: no rule of its phase stands between the rule and its marker, and its other actions
    leave no trace.
    """
    facts = facts_of(rules)
    for jump in facts.jumps.all:
        here = facts.position(jump.entry)
        entry = jump.entry
        if not entry.ours or facts.jumps.is_pinned(here) or len(entry.jumps) != 1:
            continue
        if not entry.silent("skipafter", "chain") or not entry.logs_nothing():
            continue
        between = rules.entries[jump.start + 1 : jump.end]
        marked = jump.end < len(rules.entries)
        if marked and not any(each.phase == jump.phase for each in between):
            yield Removed(entry, f"nothing is left to jump over before {entry.jumps[0]}")


def idle_markers(rules: RuleSet) -> Iterator[Removed]:
    """Remove markers that no rule jumps to, the user's own rules included.

    Reason: the engine passes by each marker in each phase.
    Proof: a marker does nothing but end a jump to it.
    """
    wanted = targets(rules)
    for entry in rules.entries:
        if entry.ours and entry.marker is not None and entry.marker not in wanted:
            yield Removed(entry, "no rule jumps to it")
