"""Whether a rule runs under a policy, and what comes of a match."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.config.model.target import CRS_4
from waf_builder.crs.rules import IndexedRule
from waf_builder.spec.model import WafPolicy
from waf_builder.version import Version

_RESPONSE_BODY = 4


@dataclass(frozen=True)
class Verdict:
    """Whether a rule runs, and why it does not or only logs; true when it runs."""

    runs: bool
    blocks: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.runs

    def __str__(self) -> str:
        if self.blocks:
            return "yes"
        return f"{'it only logs' if self.runs else 'no'}: {self.reason}"


def verdict(rule: IndexedRule, waf: WafPolicy, crs: Version) -> Verdict:
    """Return what a policy makes of a rule of this version of the Core Rule Set."""
    level = waf.paranoia_level
    detection = max(level, waf.detection_paranoia_level or level)
    if waf.mode == "off":
        return Verdict(False, False, "waf.mode is off")
    if rule.level > detection:
        return Verdict(False, False, f"paranoia_level is {level}, it begins at {rule.level}")
    if not waf.inspect_responses and _needs_responses(rule, crs):
        return Verdict(False, False, "inspect_responses is false")
    if waf.mode == "detect":
        return Verdict(True, False, "waf.mode is detect")
    if rule.level > level:
        return Verdict(
            True, False, f"paranoia_level is {level}, detection_paranoia_level {detection}"
        )
    return Verdict(True, True)


def _needs_responses(rule: IndexedRule, crs: Version) -> bool:
    """Return whether a rule does not run where responses are not inspected.

    The Core Rule Set 4 skips all rules for responses then (its rule 900500), 3.3 has no such
    switch, and there is only no body to look at.
    """
    return rule.of_responses if crs.major >= CRS_4 else rule.phase == _RESPONSE_BODY
