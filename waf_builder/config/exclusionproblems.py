"""What can be wrong with an exclusion where the rules are known, and the way out."""

from __future__ import annotations

from collections.abc import Mapping

from waf_builder.config.inforce import Verdict
from waf_builder.config.targets import Miss
from waf_builder.crs.rules import RuleIndex
from waf_builder.problem import Problem, Severity, did_you_mean
from waf_builder.spec.model import ExclusionTarget
from waf_builder.version import Version


def unknown_rule(number: int, index: RuleIndex, crs: Version) -> Problem:
    """Return the problem of a number that no rule has."""
    near = ", ".join(map(str, index.nearest(number)))
    return Problem(
        "config.exclusion-unknown-rule",
        f"there is no rule {number} in Core Rule Set {crs}",
        hint=f"Nearest: {near}. `waf-builder rules` lists all.",
    )


def steers(number: int) -> Problem:
    """Return the problem of a rule that is a part of how the others work."""
    return Problem(
        "config.exclusion-steers",
        f"rule {number} finds nothing by itself, it steers other rules",
        hint="Exclude the rule that matched; the log names it.",
    )


def unknown_tag(tag: str, index: RuleIndex, crs: Version) -> Problem:
    """Return the problem of a tag that no rule has."""
    return Problem(
        "config.exclusion-unknown-tag",
        f"no rule of Core Rule Set {crs} has the tag {tag!r}",
        hint=did_you_mean(tag, index.tags) or "`waf-builder explain` shows a rule's tags.",
    )


def waf_off(tag: str, share: tuple[int, int]) -> Problem:
    """Return the problem of a tag that most rules have; share: how many, of how many."""
    return Problem(
        "config.exclusion-waf-off",
        f"the tag {tag!r} is on {share[0]} of {share[1]} rules, so the WAF would be off",
        hint="Take a tag such as attack-sqli, a target, or waf.mode of a route.",
    )


def idle(number: int, why: Verdict) -> Problem:
    """Return the warning about a rule that does not run anyway."""
    return Problem(
        "config.exclusion-idle",
        f"rule {number} is not in force, so there is nothing to leave out: {why.reason}",
        hint="Remove the exclusion until it is.",
        severity=Severity.WARNING,
    )


def not_looked_at(number: int, miss: Miss) -> Problem:
    """Return the problem of a target that is none of a rule's."""
    return Problem("config.exclusion-target", f"rule {number} {miss.why}", hint=miss.hint)


def looked_at_by_none(tag: str, target: ExclusionTarget) -> Problem:
    """Return the problem of a target that is none of a whole tag's."""
    return Problem(
        "config.exclusion-target",
        f"no rule with the tag {tag!r} that is in force looks at {target}",
        hint="`waf-builder explain` says what a rule looks at.",
    )


def xml_attributes(name: str, modsecurity: Version, needed: Version) -> Problem:
    """Return the problem of attributes in a scope, which an older engine cannot read."""
    return Problem(
        "config.exclusion-xml-attributes",
        f"{name} for some requests only needs libmodsecurity {needed}, and this is {modsecurity}",
        hint="Put it into `waf.exclusions` of a route with that path, or take XML:/*.",
    )


def wide_regex(target: ExclusionTarget, wide: Mapping[str, int]) -> Problem:
    """Return the warning about other collections; wide: each with a rule that looks at it."""
    rule = next(iter(wide.values()))
    return Problem(
        "config.exclusion-regex",
        f"rule {rule} leaves out keys like /{target.regex}/ in {', '.join(wide)}, too",
        hint="libmodsecurity compares the key alone, whatever the collection is. An exact key does"
        " not have that effect.",
        severity=Severity.WARNING,
    )


def needs_rules() -> Problem:
    """Return the problem of a tag where no rules are known."""
    return Problem(
        "config.exclusion-needs-rules",
        "a tag stands for rules of the installed Core Rule Set, and there is none here",
        hint="Name an engine or a rule set (--engine, --crs), or write the numbers of the rules.",
    )


def unchecked() -> Problem:
    """Return the warning about numbers where no rules are known."""
    return Problem(
        "config.exclusion-unchecked",
        "exclusions were not compared with the rules, since there are none here",
        hint="Name an engine or a rule set: --engine, --crs.",
        severity=Severity.WARNING,
    )
