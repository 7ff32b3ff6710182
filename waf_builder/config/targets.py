"""What an exclusion's target is for one rule, in the spelling that libmodsecurity compares."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from waf_builder.crs.describe import looked_at
from waf_builder.crs.rules import IndexedRule
from waf_builder.seclang import Variable
from waf_builder.spec.exclusiontarget import ExclusionTarget

_PARTS = {
    "ARGS": {"ARGS_GET", "ARGS_POST"},
    "ARGS_NAMES": {"ARGS_GET_NAMES", "ARGS_POST_NAMES"},
}
"""Collections that hold what others hold together."""
_HEADERS = frozenset(
    {"REQUEST_HEADERS", "REQUEST_HEADERS_NAMES", "RESPONSE_HEADERS", "RESPONSE_HEADERS_NAMES"}
)


@dataclass(frozen=True)
class Miss:
    """Why a target is none of a rule's, and the way out."""

    why: str
    hint: str


def targets_of(rule: IndexedRule, target: ExclusionTarget) -> list[str] | Miss:
    """Return what has to be left out of a rule so that it does not look at a target.

    Only the first link of a chained rule can be changed (tried with libmodsecurity 3.0.9 and
    3.0.16); without it the rest never runs.
    """
    first = rule.links[0].variables
    if any(one.negated and _is(one, target) for one in first):
        return Miss(f"leaves out {target} by itself", "Remove the exclusion, or its target.")
    return list(dict.fromkeys(_written(first, target))) or _miss(rule, target)


def other_collections(rule: IndexedRule, target: ExclusionTarget) -> list[str]:
    """Return the other collections in which libmodsecurity compares a regular expression, too.

    It compares the key alone, in each collection that the rule looks at.
    """
    own = {target.collection, *_PARTS.get(target.collection, ())}
    names = [
        one.collection if one.selector is None else str(one)
        for one in rule.links[0].variables
        if not one.negated
        and one.collection in _KEYED - own
        and (one.selector is None or _matches(target.regex or "", one.selector))
    ]
    return list(dict.fromkeys(names))


_KEYED = frozenset(
    {
        *_PARTS,
        *(part for parts in _PARTS.values() for part in parts),
        *_HEADERS,
        "REQUEST_COOKIES",
        "REQUEST_COOKIES_NAMES",
        "FILES",
        "FILES_NAMES",
    }
)


def _written(variables: tuple[Variable, ...], target: ExclusionTarget) -> Iterator[str]:
    wanted = {target.collection, *_PARTS.get(target.collection, ())}
    for one in variables:
        if one.negated or one.counted or one.collection not in wanted:
            continue
        if target.key is None and target.regex is None:
            yield str(one)
        elif one.selector is None:
            yield from _keys(one.name, target)
        elif _fits(one, target):
            # A variable of its own is compared by its whole name, as the rule spells it.
            by_value = one.pattern is not None and target.key is not None
            yield f"{one.name}:{target.key}" if by_value else str(one)


def _keys(name: str, target: ExclusionTarget) -> Iterator[str]:
    if target.regex is not None:
        # A bar splits a list of variables, except between quotes.
        quote = "'" if "|" in target.regex else ""
        yield f"{name}:{quote}/{target.regex}/{quote}"
    elif target.key is not None:
        yield f"{name}:{target.key}"
        if name.upper() in _HEADERS:
            # Clients spell headers as they like, and keys are compared letter by letter.
            yield f"{name}:{target.key.title()}"
            yield f"{name}:{target.key.lower()}"


def _fits(one: Variable, target: ExclusionTarget) -> bool:
    """Return whether a variable with a key of its own holds what the target names."""
    if target.regex is not None:
        return one.pattern is None and _matches(target.regex, one.selector or "")
    if one.pattern is not None and target.key is not None:
        return _matches(one.pattern, target.key)
    return (one.selector or "").lower() == (target.key or "").lower()


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.search(pattern, text, re.IGNORECASE) is not None
    except re.error:  # PCRE knows more than Python
        return False


def _miss(rule: IndexedRule, target: ExclusionTarget) -> Miss:
    first = rule.links[0].variables
    family = {target.collection, *_PARTS.get(target.collection, ())}
    own = [one for one in first if one.collection in family]
    shown = ", ".join(looked_at(rule.links[0])) or "nothing of a request"
    whole = next((name for name, parts in _PARTS.items() if target.collection in parts), None)
    if any(one.counted and not one.negated for one in own):
        return Miss(
            f"only counts {target.collection}, and does not look at what it holds",
            "Leave the target out to switch the rule off, with a path.",
        )
    if whole and any(one.collection == whole and one.selector is None for one in first):
        key = str(target).partition(":")[2]
        return Miss(
            f"looks at {whole}, which holds the query's and the body's arguments together",
            f"Write {whole}{f':{key}' if key else ''}; to tell them apart, name `methods`.",
        )
    later = [one for link in rule.links[1:] for one in link.variables if not one.negated]
    if any(one.collection in family for one in later):
        return Miss(
            f"looks at {target.collection} only in a later part of its chain, which libmodsecurity"
            " cannot change",
            f"Take a target of its first part ({shown}), or leave the target out, with a path.",
        )
    return Miss(f"does not look at {target}", f"It looks at {shown}.")


def _is(one: Variable, target: ExclusionTarget) -> bool:
    if one.collection != target.collection:
        return False
    if one.pattern is not None:
        return target.key is not None and _matches(one.pattern, target.key)
    return target.regex is None and (one.selector or "").lower() == (target.key or "").lower()
