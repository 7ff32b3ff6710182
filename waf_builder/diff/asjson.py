"""A diff as programs read it."""

from __future__ import annotations

from waf_builder.crs.describe import as_json as rule_as_json
from waf_builder.diff.compare import Diff
from waf_builder.diff.policy import PolicyDiff
from waf_builder.diff.rules import RulesDiff
from waf_builder.diff.verdicts import Verdicts


def as_json(diff: Diff) -> dict[str, object]:
    """Return the stable JSON form; every key is always there."""
    old, new = diff.versions
    return {
        "differs": diff.differs,
        "kind": diff.old.kind,
        "old": {"file": str(diff.old.file), "crs": str(old) if old else None},
        "new": {"file": str(diff.new.file), "crs": str(new) if new else None},
        "locked": [change.as_json() for change in diff.locked],
        "policy": _policy(diff.policy) if diff.policy else None,
        "rules": _rules(diff.rules) if diff.rules else None,
        "verdicts": _verdicts(diff.verdicts) if diff.verdicts else None,
        "problems": [problem.as_json() for problem in diff.problems],
    }


def _policy(policy: PolicyDiff) -> dict[str, object]:
    return {
        "everywhere": [change.as_json() for change in policy.everywhere],
        "routes": [
            {
                "routes": list(diff.routes),
                "changes": [change.as_json() for change in diff.changes],
                "begin_to_refuse": list(diff.begin),
                "no_longer_refuse": list(diff.end),
            }
            for diff in policy.routes
        ],
        "new_routes": list(policy.new),
        "gone_routes": list(policy.gone),
    }


def _rules(rules: RulesDiff) -> dict[str, object]:
    return {
        "new": [rule_as_json(rule) for rule in rules.new],
        "gone": [rule_as_json(rule) for rule in rules.gone],
        "changed": [
            {
                "id": rule.new.id,
                "message": rule.new.message,
                "file": rule.new.file,
                "changes": [change.as_json() for change in rule.changes],
            }
            for rule in rules.changed
        ],
        "same": rules.same,
    }


def _verdicts(verdicts: Verdicts) -> dict[str, object]:
    return {
        "asked": verdicts.asked,
        "other_rules": verdicts.other_rules,
        "changed": [one.as_json() for one in verdicts.changed],
    }
