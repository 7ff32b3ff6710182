"""Which rules can be switched off or lose a target: by directives, and by actions while running."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

from waf_builder.crs.compile.model import Entry, RuleSet
from waf_builder.crs.compile.refusal import Refusal
from waf_builder.seclang import id_ranges

_DIRECTIVES = {
    "secruleremovebyid": "id",
    "secruleremovebytag": "tag",
    "secruleremovebymsg": "msg",
    "secruleupdatetargetbyid": "id",
    "secruleupdatetargetbytag": "tag",
    "secruleupdatetargetbymsg": "msg",
    "secruleupdateactionbyid": "id",
}
_ACTIONS = {
    "ruleremovebyid": "id",
    "ruleremovebytag": "tag",
    "ruleremovetargetbyid": "id",
    "ruleremovetargetbytag": "tag",
}


@dataclass(frozen=True)
class Exclusion:
    """One of them.

    entry: where it stands; rules before it are not touched by one that is made while running.
    by: id, tag or msg. ids, text: which rules are meant.
    target: what they no longer look at; empty where they are switched off.
    """

    entry: Entry
    running: bool
    by: str
    ids: tuple[range, ...] = ()
    text: str = ""
    target: str = ""

    def meets(self, entry: Entry) -> bool:
        """Return whether the entry may be meant."""
        if self.by == "id":
            return entry.id is not None and any(entry.id in ids for ids in self.ids)
        return bool(self._meant(entry))

    def spares(self, entry: Entry, other: Entry) -> bool:
        """Return whether one that meets `entry` may switch it off and leave `other` in force."""
        return self.by == "id" or bool(self.target) or not self._meant(entry) <= self._meant(other)

    @property
    def blinds_to_tx(self) -> bool:
        """Return whether a rule that looks at TX variables may lose them, or be switched off."""
        return not self.target or "TX" in self.target.upper()

    def _meant(self, entry: Entry) -> frozenset[str]:
        """Return the tags or messages of the entry that the text may mean.

        The engine compares whole words today; parts count here too.
        """
        have = entry.rules[0].values(self.by) if entry.rules else ()
        return frozenset(text for text in have if self.text in text or text in self.text)


class Exclusions:
    """All of a rule set."""

    def __init__(self, rules: RuleSet) -> None:
        self.all = tuple(found for entry in rules.entries for found in _exclusions(entry))
        self._position = {entry: at for at, entry in enumerate(rules.entries)}
        self._of_tx = [each for each in self.all if each.blinds_to_tx]
        self._meeting = cache(self._all_meeting)

    def may_remove(self, entry: Entry, before: int | None = None) -> bool:
        """Return whether the entry may be switched off, or blinded to TX variables.

        before: leave out exclusions made while running by rules from this position on.
        """
        return any(
            before is None or not each.running or self._position[each.entry] < before
            for each in self._meeting(entry)
        )

    def may_blind(self, entry: Entry) -> bool:
        """Return whether something meets the entry that would not meet it without a condition."""
        return any(
            each.target or (each.running and each.by == "id") for each in self._meeting(entry)
        )

    def may_spare(self, entry: Entry, other: Entry) -> bool:
        """Return whether something may switch off `entry` and leave `other` in force."""
        return any(each.spares(entry, other) for each in self._meeting(entry))

    def _all_meeting(self, entry: Entry) -> list[Exclusion]:
        return [each for each in self._of_tx if each.meets(entry)]


@lru_cache(maxsize=4096)  # a step leaves most entries as they are
def _exclusions(entry: Entry) -> tuple[Exclusion, ...]:
    if entry.is_rule:
        return tuple(found for ctl in entry.ctls if (found := _running(entry, ctl)))
    by = _DIRECTIVES.get(entry.head.key)
    if by is None:
        return ()
    texts = [argument.text for argument in entry.head.arguments]
    target = texts.pop() if "update" in entry.head.key else ""
    return tuple(_exclusion(entry, by, text, target) for text in texts)


def _running(entry: Entry, ctl: str) -> Exclusion | None:
    name, _, rest = ctl.partition("=")
    what, _, target = rest.partition(";")
    by = _ACTIONS.get(name.strip().lower())
    return None if by is None else _exclusion(entry, by, what, target)


def _exclusion(entry: Entry, by: str, text: str, target: str) -> Exclusion:
    """Return the exclusion for the rules that a text names."""
    if by != "id":
        return Exclusion(entry, entry.is_rule, by, (), text, target)
    ids = id_ranges(text)
    if ids is None:
        raise Refusal(f"{text!r}, which is no rule number", entry.place)
    return Exclusion(entry, entry.is_rule, by, tuple(ids), "", target)
