"""Variables of a score that is the same in every request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from waf_builder.crs.compile.facts import Facts, facts_of
from waf_builder.crs.compile.model import Changed, Entry, RuleSet
from waf_builder.seclang import Action

_NAMED = re.compile(r"%\{tx\.([^}]*)\}", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]{1,9}")


def constant_scores(rules: RuleSet) -> Iterator[Changed]:
    """Write a TX variable in what a `setvar` sets as the number that it always holds.

    Reason: each `%{tx.critical_anomaly_score}` is an object of 800 bytes in each worker, two to
    a rule, and is looked up whenever the rule matches.
    Proof: by the time the rule is met, the variable holds one known number, whatever the request
    (`Facts.values`), so the engine would put the same text in its place. No record shows what a
    `setvar` holds.
    """
    facts = facts_of(rules)
    for _, entry in rules.rules:
        if not entry.ours:
            continue
        written = tuple(_written(facts, entry))
        if written:
            after = replace(entry, actions=(*entry.actions, *written))
            yield Changed(entry, after, "its scores are always the same")


def _written(facts: Facts, entry: Entry) -> Iterator[tuple[Action, str]]:
    """Return the actions that name such a variable, as they are to be written."""
    done = {action.span for action, _ in entry.actions}

    def number(match: re.Match[str]) -> str:
        values = facts.values(match[1].lower(), entry)
        (value,) = values if values and len(values) == 1 else (None,)
        return value if value is not None and _NUMBER.fullmatch(value) else match[0]

    for rule in entry.rules:
        for action in rule.actions:
            if action.key != "setvar" or action.value is None or action.span in done:
                continue
            name, sets, value = action.value.partition("=")
            text = f"{name}{sets}{_NAMED.sub(number, value)}"
            if text != action.value:
                yield action, str(action._replace(value=text))
