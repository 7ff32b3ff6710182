"""The exclusion of plain file names from the rules about cross-site scripting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from waf_builder.crs.compile.model import Changed, Entry, RuleSet
from waf_builder.crs.compile.plaintext import cannot_match
from waf_builder.seclang import Action

_TARGET = "REQUEST_FILENAME"
_PLAIN_BYTES = "20,45-47,48-57,65-90,95,97-122"
_BY_TAG = "ruleRemoveTargetByTag=xss-perf-disable;REQUEST_FILENAME"


def file_names(rules: RuleSet) -> Iterator[Changed]:
    """Name the rules that 941010 takes file names from, instead of a tag.

    Reason: 941010 spares the rules of its tag a file name of letters, digits and `-./_`. The
    engine compares that tag with every tag of each rule for each variable, which costs more than
    it saves; numbers are compared at once.
    Proof: the rule is the known one, word for word. The rules that are named are those of the
    tag, without those that cannot match such a name at all: their expression needs a character
    that it does not have (`cannot_match`). It is not without effect: 941130 would match /xhtml.
    """
    for _, entry in rules.rules:
        action = _known(entry) if entry.ours else None
        if action is None:
            continue
        concerned = _concerned(rules, entry)
        if concerned is None:
            continue
        ctl = ",".join(f"ctl:ruleRemoveTargetById={number};{_TARGET}" for number in concerned)
        yield Changed(
            entry,
            replace(entry, actions=((action, ctl),)),
            "names the rules that could match such a file name, instead of their tag",
        )


def _known(entry: Entry) -> Action | None:
    """Return the action that makes the exclusion, if this is the rule that is known."""
    if entry.id != 941010 or len(entry.directives) != 1 or entry.actions:  # noqa: PLR2004
        return None
    rule = entry.rules[0]
    operator = str(rule.operator).replace(", ", ",")
    condition = (*(str(each) for each in rule.variables), operator)
    if condition != (_TARGET, f"!@validateByteRange {_PLAIN_BYTES}") or entry.phase != 1:
        return None
    found = [action for action in rule.actions if action.key == "ctl"]
    if len(found) != 1 or found[0].value != _BY_TAG or not entry.silent("ctl"):
        return None
    return found[0]


def _concerned(rules: RuleSet, by: Entry) -> list[int] | None:
    """Return the numbers of the rules whose matches it changes; None if one has no number."""
    tag = _BY_TAG.partition("=")[2].partition(";")[0]
    found = []
    for _, entry in rules.rules:
        if any(tag in (action.value or "") for rule in entry.rules[1:] for action in rule.actions):
            return None
        if tag not in entry.tags or _TARGET not in entry.variables:
            continue
        if entry.id is None or entry.phase <= by.phase:
            return None
        if not cannot_match(entry.rules[0]):
            found.append(entry.id)
    return found
