"""Which libmodsecurity a Core Rule Set needs: data, with reasons and sources."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.version import Version


@dataclass(frozen=True)
class Pair:
    """Rule sets from `since` up to `before` that load only on `needs` or a newer engine."""

    since: Version
    before: Version
    needs: Version
    reason: str


PAIRS = (
    Pair(
        since=Version(3, 3, 10),
        before=Version(4, 0, 0),
        needs=Version(3, 0, 16),
        # https://github.com/coreruleset/coreruleset/pull/4693
        reason="its rule 901181 has `XML://@*` as a target of ctl:ruleRemoveTargetByTag",
    ),
    Pair(
        since=Version(4, 25, 1),  # the 4.25 line gets fixes for years; 4.26 to 4.28 load anywhere
        before=Version(4, 26, 0),
        needs=Version(3, 0, 16),
        # https://github.com/coreruleset/coreruleset/pull/4688
        reason="its rule 901181 has `XML://@*` as a target of ctl:ruleRemoveTargetByTag",
    ),
)


def too_old_for(crs: Version, modsecurity: Version) -> Pair | None:
    """Return why this libmodsecurity cannot load this rule set; None if it can."""
    for pair in PAIRS:
        if pair.since <= crs < pair.before and modsecurity < pair.needs:
            return pair
    return None
