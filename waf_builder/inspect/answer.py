"""What the WAF said to one request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from waf_builder.crs.scoring import JUDGES, SCORE
from waf_builder.inspect import shown
from waf_builder.inspect.request import HttpRequest
from waf_builder.inspect.secret import Secrets

Verdict = Literal["pass", "detect", "block", "reject", "error"]
"""block: the rules refused it. detect: they would have, and the route only logs. reject: nginx or
ModSecurity could not take it, or the spec does not let it in. error: there was no answer."""

REFUSED: frozenset[str] = frozenset({"block", "reject"})
"""The verdicts with which the WAF answers instead of the app."""

PARSERS = frozenset({200_002, 200_003, 200_004})
"""Our own rules against a body that cannot be parsed."""
MAX_ARGUMENTS = 200_007
"""Our own rule against more arguments than `max_arguments`."""

BLOCKING_STATUS = 403
_FIRST_ERROR = 400
_SEVERITY_SCORES = {2: 5, 3: 4, 4: 3, 5: 2}
"""Critical, error, warning, notice: crs-setup.conf.example, rule 900100."""
_DETECTIONS = range(910_000, 949_000)
_INBOUND = re.compile(r"949\d\d\d")
_AGAINST = re.compile(r"against variable `([^']*)'")
_QUOTES_NOTHING = "UNIQUE_ID"
"""The last variable of our own rules that log the name of what matched and not its value."""
_WITHIN = re.compile(
    r"found within (?P<target>[A-Z_]+(?::[^\s:=]+)?)(?:: |=)(?P<value>.*)",
    re.DOTALL,
)
_NAME_ALONE = re.compile(r"[A-Z_]{3,}(?::\S+)?")
"""What our own rules log where the operator itself tells of no variable."""
_VALUE = re.compile(r"\(Value: `(.*)' \)?", re.DOTALL)
_LEVEL = re.compile(r"paranoia-level/(\d)")


@dataclass(frozen=True)
class Match:
    """One rule that matched, at one target.

    score: what it added; 0 for a rule that only sets something. level: its paranoia level, 0 when
    the rule has none. value: what matched, shortened, masked where it may be a secret.
    """

    rule: int
    message: str
    target: str
    value: str
    severity: int
    score: int
    level: int
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """The WAF's answer to a request, and the rules that matched, the most severe first.

    route: how logs name it, empty when no route was met. score: what the rules in force added up.
    note: why there is no answer, where that is known. record: of the audit log.
    """

    request: HttpRequest
    route: str
    verdict: Verdict
    status: int
    score: int
    matches: tuple[Match, ...]
    note: str = ""
    record: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def refused(self) -> bool:
        """Whether the rules let it pass: a rejection of nginx's is one too."""
        return self.verdict in REFUSED


def answer(
    request: HttpRequest,
    status: int,
    access: Mapping[str, Any],
    audit: Mapping[str, Any],
    *,
    note: str = "",
) -> Answer:
    """Return the answer that a request's lines of the two logs tell; {} for one that is not there.

    status: that of the response, 0 when there was none.
    """
    messages = [_details(one) for one in audit.get("messages") or ()]
    judged = [one for one in messages if JUDGES.fullmatch(str(one["ruleId"]))]
    matches = sorted(
        _matches((one for one in messages if one not in judged), Secrets(request)),
        key=lambda match: (match.severity, match.rule),
    )
    score = _score(judged) or sum(match.score for match in matches)
    # These refuse a request by themselves.
    over = any(match.rule in PARSERS or match.rule == MAX_ARGUMENTS for match in matches)
    over = over or any(_INBOUND.fullmatch(str(one["ruleId"])) for one in judged)
    return Answer(
        request,
        str(access.get("route") or ""),
        _verdict(status, over=over, recorded=bool(messages), access=access),
        status,
        score,
        tuple(matches),
        note,
        audit,
    )


def _verdict(status: int, *, over: bool, recorded: bool, access: Mapping[str, Any]) -> Verdict:
    if status == 0:
        return "error"
    reached = bool(access.get("backend_status"))
    if not reached and status >= _FIRST_ERROR:
        return "block" if recorded and status == BLOCKING_STATUS else "reject"
    return "detect" if over else "pass"


def _details(message: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**message.get("details", {}), "message": message.get("message", "")}


def _score(judged: Iterable[Mapping[str, Any]]) -> int:
    scores = [SCORE.search(str(one["message"])) for one in judged]
    return max((int(score[1]) for score in scores if score), default=0)


def _matches(messages: Iterable[Mapping[str, Any]], secrets: Secrets) -> Iterator[Match]:
    for one in messages:
        tags = tuple(str(tag) for tag in one.get("tags") or ())
        level = next((int(found[1]) for tag in tags if (found := _LEVEL.search(tag))), 0)
        severity = int(one.get("severity") or 8) if str(one.get("severity")).isdecimal() else 8
        target, value = _where(one)
        yield Match(
            rule=int(one["ruleId"]),
            message=str(one["message"]),
            target=target,
            value=shown.value(target, value, secrets),
            severity=severity,
            score=_SEVERITY_SCORES.get(severity, 0) if _counts(int(one["ruleId"]), tags) else 0,
            level=level,
            tags=tags,
        )


def _counts(rule: int, tags: Iterable[str]) -> bool:
    """Whether a rule adds to the score: the Core Rule Set's detections do, and ours for an attack.

    libmodsecurity 3.0.9 leaves the tags of some rules out.
    """
    return rule in _DETECTIONS or any(tag.startswith("attack-") for tag in tags)


def _where(details: Mapping[str, Any]) -> tuple[str, str]:
    """Return the variable in which a rule matched, and what was there."""
    match, data = str(details.get("match") or ""), str(details.get("data") or "")
    against = _AGAINST.search(match)
    value = _VALUE.search(match)
    if against and against[1] == _QUOTES_NOTHING:
        return data, ""
    if against:
        return against[1], value[1] if value else ""
    if within := _WITHIN.search(data):
        return within["target"], within["value"]
    return (data, "") if _NAME_ALONE.fullmatch(data) else ("", data)
