"""From texts to a rule set, in the order in which the engine loads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from waf_builder.crs.compile.model import MARKER, Entry, RuleSet
from waf_builder.crs.compile.refusal import Mistake, Refusal
from waf_builder.seclang import Directive, Document, read

DIRECTIVES = frozenset(
    {
        "secaction",
        "seccomponentsignature",
        "secmarker",
        "secrule",
        "secruleremovebyid",
        "secruleremovebytag",
        "secruleremovebymsg",
        "secruleupdatetargetbyid",
        "secruleupdatetargetbytag",
        "secruleupdatetargetbymsg",
    }
)
"""The directives of a rule set that the compiler has been taught."""

ACTIONS = frozenset({
    "accuracy", "auditlog", "block", "capture", "chain", "ctl", "deny", "drop", "expirevar", "id",
    "initcol", "log", "logdata", "maturity", "msg", "multimatch", "noauditlog", "nolog", "pass",
    "phase", "rev", "setvar", "severity", "skip", "skipafter", "status", "t", "tag", "ver",
})  # fmt: skip
"""The same for actions."""

_UNKNOWABLE = frozenset({"include", "secrulescript", "secremoterules", "secruleupdateactionbyid"})
_UNKNOWABLE_ACTIONS = frozenset({"exec"})
_UNKNOWABLE_OPERATORS = frozenset({"inspectfile", "fuzzyhash"})
"""What can set variables or rules that the text does not show."""

_PHASES = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "request": 2, "response": 4, "logging": 5}


@dataclass(frozen=True)
class Part:
    """A text that the engine loads.

    ours: it is to be compiled; others are read and left alone.
    always: every request meets its rules; False for a route's own file.
    """

    name: str
    text: str
    ours: bool = False
    always: bool = True

    @cached_property
    def document(self) -> Document:
        """The directives of the text."""
        return read(self.text, self.name)


def read_rules(parts: Iterable[Part]) -> RuleSet:
    """Return the rule set that the parts make; Refusal names what cannot be read."""
    entries: list[Entry] = []
    for part in parts:
        if part.document.problems:
            problem = part.document.problems[0]
            kind = Refusal if part.ours else Mistake
            raise kind(problem.message, problem.place)
        entries += _entries(part)
    rules = RuleSet(tuple(entries))
    _require_plain_matches(rules)
    return rules


def _entries(part: Part) -> Iterator[Entry]:
    document = part.document
    chains = {id(chain[0]): chain for chain in document.chains}
    chained = {id(each) for chain in document.chains for each in chain[1:]}
    for directive in document.directives:
        if id(directive) in chained:
            continue
        chain = chains.get(id(directive), (directive,))
        for each in chain:
            _require_known(each, ours=part.ours)
        phase = _phase(directive) if id(directive) in chains else MARKER
        yield Entry(chain, part.ours, part.always, phase)


def _require_known(directive: Directive, *, ours: bool) -> None:
    if directive.key in _UNKNOWABLE or (ours and directive.key not in DIRECTIVES):
        raise Refusal(f"the directive {directive.name}", directive.place)
    rule = directive.rule
    if rule is None:
        return
    named = rule.by_name.keys()
    unknown = named - ACTIONS if ours else named & _UNKNOWABLE_ACTIONS
    for action in rule.actions if unknown else ():
        if action.key in unknown:
            raise Refusal(f"the action {action.name}", directive.place)
    if rule.operator and rule.operator.name.lower() in _UNKNOWABLE_OPERATORS:
        raise Refusal(f"the operator @{rule.operator.name}", directive.place)
    if directive.key == "secdefaultaction" and rule.has("t"):
        raise Refusal("transformations in SecDefaultAction", directive.place)


def _phase(directive: Directive) -> int:
    rule = directive.rule
    named = rule.values("phase") if rule else []
    if not named:
        raise Refusal("a rule without a phase", directive.place)
    phase = _PHASES.get(named[0].strip().lower())
    if phase is None:
        raise Refusal(f"the phase {named[0]!r}", directive.place)
    return phase


def _require_plain_matches(rules: RuleSet) -> None:
    """Refuse what an earlier rule leaves behind only because no rule stands in between.

    A rule that does not match clears MATCHED_VAR and its like, so to leave it out would show a
    later rule what an earlier one matched.
    """
    for _, entry in rules.rules:
        first = entry.rules[0]
        unasked = entry.head.key == "secaction" and any(
            "matched_var" in (action.value or "").lower() for action in first.actions
        )
        if unasked or any(each.collection.startswith("MATCHED_") for each in first.variables):
            raise Refusal("a rule that looks at the matches of another one", entry.place)
