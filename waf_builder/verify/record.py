"""What the audit record of a request says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from waf_builder.verify.compare import Match
from waf_builder.verify.wire import NUMBER_HEADER

SCORES = 90990
"""The rule that writes a record for each request, with its number and its scores."""

LATE = "modsecurity/late.conf"
"""The file of a tree that is read last."""


def recording(tree: Mapping[str, str], scores: str) -> dict[str, str]:
    """Return a tree in which every request gets a record.

    scores: SecLang macros that it holds, such as `%{tx.anomaly_score}`.
    """
    rule = (
        f'SecAction "id:{SCORES},phase:5,pass,t:none,log,auditlog,'
        f"msg:'%{{REQUEST_HEADERS.{NUMBER_HEADER}}} {scores}'\"\n"
    )
    return {**tree, LATE: tree[LATE] + rule}


def read(transaction: Mapping[str, Any]) -> tuple[int, tuple[tuple[Match, ...], str]]:
    """Return the number of the request that a record is about, its matches and its scores."""
    matches, number, scores = [], 0, ""
    for message in transaction["messages"]:
        details: dict[str, Any] = message["details"]
        if details["ruleId"] == str(SCORES):
            first, _, scores = message["message"].partition(" ")
            number = int(first) if first.isdigit() else 0
        else:
            # Rules that quote nothing of a request match its id at the end of their chain.
            told = str(details.get("match", "")).replace(transaction["unique_id"], "")
            matches.append(_match(message["message"], {**details, "match": told}))
    return number, (tuple(matches), scores)


def _match(message: str, details: Mapping[str, Any]) -> Match:
    words = ("match", "data", "severity", "ver", "rev")
    return Match(
        rule=int(details["ruleId"]),
        message=message,
        file=str(details["file"]).rpartition("/")[2],
        tags=tuple(details["tags"]),
        words=tuple(str(details.get(word, "")) for word in words),
    )
