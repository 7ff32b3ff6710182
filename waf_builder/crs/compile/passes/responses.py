"""Rules about responses that nobody inspects."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.crs.compile.facts import facts_of
from waf_builder.crs.compile.model import Removed, RuleSet

_BODY_PHASE = 4


def response_bodies(rules: RuleSet) -> Iterator[Removed]:
    """Remove the rules of phase 4 where no response body is inspected.

    Reason: they and their lists are loaded, and take 10 to 16 MB in each worker.
    Proof: libmodsecurity 3 does not run phase 4 unless `SecResponseBodyAccess On` holds, and no
    file says so. `ctl:responseBodyAccess` does not exist in libmodsecurity 3.
    https://github.com/owasp-modsecurity/ModSecurity/blob/v3.0.13/src/transaction.cc#L1114
    """
    if any(
        entry.head.key == "secresponsebodyaccess"
        and entry.head.arguments[0].text.strip().lower() != "off"
        for entry in rules.entries
    ):
        return
    pinned = facts_of(rules).jumps.is_pinned
    for at, entry in rules.rules:
        if entry.ours and entry.phase == _BODY_PHASE and not pinned(at):
            yield Removed(entry, "no response body is inspected")
