"""Where `skipAfter` and `skip` lead.

libmodsecurity 3 looks for the marker in the phase of the rule that jumps, and skips every rule of
that phase up to it.
"""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.crs.compile.model import Entry, RuleSet


@dataclass(frozen=True)
class Jump:
    """One jump: the rules of a phase between two positions, both without."""

    entry: Entry
    start: int
    end: int
    phase: int

    def over(self, position: int, phase: int) -> bool:
        """Return whether a rule is skipped when the jump is taken."""
        return self.phase == phase and self.start < position < self.end


class Jumps:
    """The jumps of a rule set, and the rules that a `skip` counts."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self.all = tuple(_jumps(rules))
        self._by_phase: dict[int, list[Jump]] = {}
        for jump in self.all:
            self._by_phase.setdefault(jump.phase, []).append(jump)
        self._pinned = frozenset(_counted(rules))

    def over(self, position: int) -> list[Jump]:
        """Return the jumps that skip the rule at a position."""
        phase = self._rules.entries[position].phase
        of_phase = self._by_phase.get(phase, ())
        return [jump for jump in of_phase if jump.start < position < jump.end]

    def is_pinned(self, position: int) -> bool:
        """Return whether a `skip` counts the rule, so that another would be skipped without it."""
        return position in self._pinned


def targets(rules: RuleSet) -> set[str]:
    """Return the names of the markers that some rule jumps to."""
    return {name for entry in rules.entries for name in entry.jumps}


def _jumps(rules: RuleSet) -> list[Jump]:
    places: dict[str, list[int]] = {}
    for at, entry in enumerate(rules.entries):
        if entry.marker is not None:
            places.setdefault(entry.marker, []).append(at)
    last = len(rules.entries)
    found = []
    for at, entry in rules.rules:
        for name in entry.jumps:
            end = next((place for place in places.get(name, ()) if place > at), last)
            found.append(Jump(entry, at, end, entry.phase))
    return found


def _counted(rules: RuleSet) -> list[int]:
    found = []
    for at, entry in rules.rules:
        if not entry.skips:
            continue
        following = [
            later for later, other in rules.rules if later > at and other.phase == entry.phase
        ]
        found += following[: entry.skips]
    return found
