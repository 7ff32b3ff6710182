"""What a rule is, in words, and an exclusion that a person can paste into a spec."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from waf_builder.crs.rules import IndexedRule, Link, shortened
from waf_builder.seclang import Variable

PHASES = {
    1: "the request's headers",
    2: "the request with its body",
    3: "the response's headers",
    4: "the response with its body",
    5: "when everything is over, for the log",
}
_SAMPLE_KEYS = {
    "ARGS": "content",
    "ARGS_GET": "q",
    "ARGS_POST": "content",
    "REQUEST_COOKIES": "session",
    "FILES": "upload",
    "REQUEST_HEADERS": "Referer",
    "ARGS_NAMES": "content",
    "REQUEST_COOKIES_NAMES": "session",
}
"""Targets that are worth an exclusion of their own, the most usual first, and a key for each."""
_WIDTH = 50
"""So much of a regular expression is shown: it tells rules apart, and nobody reads more."""


@dataclass(frozen=True)
class Fact:
    """One line of a description."""

    name: str
    text: str


def facts(rule: IndexedRule) -> list[Fact]:
    """Return what there is to know about a rule, in the order in which people ask."""
    found = []
    for number, link in enumerate(rule.links):
        found.append(Fact("and looks at" if number else "looks at", _looks_at(link)))
        found.append(Fact("looks for", _looks_for(link)))
    found.append(Fact("phase", f"{rule.phase}: {PHASES.get(rule.phase, 'unknown')}"))
    found.append(Fact("paranoia level", str(rule.level) if rule.level else "at every level"))
    found.append(Fact("score", _score(rule)))
    if rule.tags:
        found.append(Fact("tags", ", ".join(rule.tags)))
    found.append(Fact("in", str(rule.place)))
    return [fact for fact in found if fact.text]


def as_json(rule: IndexedRule) -> dict[str, object]:
    """Return the stable JSON form; every key is always there."""
    return {
        "id": rule.id,
        "message": rule.message,
        "phase": rule.phase,
        "paranoia_level": rule.level,
        "severity": rule.severity,
        "score": rule.score,
        "tags": list(rule.tags),
        "looks_at": [looked_at(link) for link in rule.links],
        "file": rule.file,
        "line": rule.line,
    }


def sample_target(rule: IndexedRule) -> str | None:
    """Return a target that an exclusion of this rule can have; None where only all of it goes."""
    seen = _plain(rule.links[0].variables)
    for collection, key in _SAMPLE_KEYS.items():
        if any(one.collection == collection and one.selector is None for one in seen):
            return f"{collection}:{key}"
    for collection in _SAMPLE_KEYS:
        for one in seen:
            if one.collection == collection and one.pattern is None:
                return f"{collection}:{one.selector}"
    return None


def sample_exclusion(rule: IndexedRule) -> str:
    """Return an exclusion as YAML: valid as it stands, its target and path to be changed."""
    lines = ["waf:", "  exclusions:", f"    - rule: {rule.id}"]
    if target := sample_target(rule):
        lines.append(f"      target: {target}")
    lines += ["      path: /posts", "      reason: why an ordinary request matches here"]
    return "\n".join(lines) + "\n"


def looked_at(link: Link) -> list[str]:
    """Return what a link looks at, as a spec names it; counted variables with their &."""
    return [str(one) for one in link.variables if not one.negated]


def _plain(variables: Iterable[Variable]) -> list[Variable]:
    return [one for one in variables if not one.negated and not one.counted]


def _looks_at(link: Link) -> str:
    exceptions = [str(one)[1:] for one in link.variables if one.negated]
    text = ", ".join(looked_at(link))
    return f"{text}; not {', '.join(exceptions)}" if exceptions else text


def _looks_for(link: Link) -> str:
    if not link.operator or link.operator.lower() == "unconditionalmatch":
        return ""
    argument = shortened(link.argument, _WIDTH)
    text = f"{'!' if link.negated else ''}@{link.operator} {argument}".rstrip()
    steps = [step for step in link.transformations if step != "none"]
    return f"{text} (after {', '.join(steps)})" if steps else text


def _score(rule: IndexedRule) -> str:
    if not rule.points:
        return "adds nothing" if rule.detects else ""
    whose = "the response's" if rule.of_responses else "the request's"
    return f"{rule.score} ({rule.points}) to {whose}"
