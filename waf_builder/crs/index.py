"""Makes the rule index of an installed Core Rule Set, and keeps it for the next time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from waf_builder.crs import indexcache
from waf_builder.crs.rules import POINTS, IndexedRule, Link, RuleIndex, shortened
from waf_builder.seclang import Directive, from_bytes, read

_ARGUMENT = 160
"""So many characters of an operator's argument are kept: regular expressions have thousands."""
_DEFAULT_PHASE = 2
_PHASES = {"request": 2, "response": 4, "logging": 5}
_SEVERITIES = (
    "emergency",
    "alert",
    "critical",
    "error",
    "warning",
    "notice",
    "info",
    "debug",
)
_LEVEL = re.compile(r"paranoia-level/([1-4])")
# 3.3: tx.anomaly_score_pl1, tx.outbound_anomaly_score_pl1; 4: tx.inbound_anomaly_score_pl1.
# Compiled rules have the number itself.
_ADDS = re.compile(
    r"tx\.(?:in|out)?(?:bound_)?anomaly_score_pl[1-4]=\+(?:%\{tx\.(\w+)_anomaly_score\}|([1-9]\d*))",
    re.IGNORECASE,
)
_BY_NUMBER = {str(number): severity for severity, number in POINTS.items()}


def rule_index(folder: Path, also: Sequence[Path] = (), cache: Path | None = None) -> RuleIndex:
    """Return the index of the rule set in folder, the one that holds `rules/`.

    also: further rule files, such as those of plugins. cache: a folder in which the index is
    kept, by the content of all these files; None keeps it nowhere.
    """
    paths = {_shown(path, folder): path for path in (*_files(folder), *also)}
    return index_of({name: path.read_bytes() for name, path in paths.items()}, cache)


def index_of(contents: Mapping[str, bytes], cache: Path | None = None) -> RuleIndex:
    """Return the index of rule files, shown path to content, in the order in which they load."""
    if cache is None:
        return RuleIndex(rule for rule, _ in chains_of(contents))
    key = indexcache.key_of(contents)
    rules = indexcache.load(cache, key)
    if rules is None:
        rules = [rule for rule, _ in chains_of(contents)]
        indexcache.save(cache, key, rules)
    return RuleIndex(rules)


def _files(folder: Path) -> list[Path]:
    return sorted((folder / "rules").glob("*.conf"))


def _shown(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)


def chains_of(
    contents: Mapping[str, bytes],
) -> Iterator[tuple[IndexedRule, Sequence[Directive]]]:
    """Yield each rule of rule files with the directives that it is made of, as `index_of` does."""
    seen: set[int] = set()
    for file, content in contents.items():
        for chain in read(from_bytes(content), file).chains:
            rule = _indexed(chain)
            if rule and rule.id not in seen:
                seen.add(rule.id)
                yield rule, chain


def _indexed(chain: Sequence[Directive]) -> IndexedRule | None:
    head = chain[0].rule
    number = head.id if head else None
    if head is None or number is None:
        return None
    place = chain[0].place
    tags = tuple(head.values("tag"))
    levels = [int(match[1]) for tag in tags if (match := _LEVEL.fullmatch(tag))]
    return IndexedRule(
        id=number,
        phase=_phase(head.value("phase")),
        level=max(levels, default=0),
        severity=_severity(head.value("severity")),
        message=(head.value("msg") or "").replace(r"\'", "'"),
        tags=tags,
        points=_points(chain, _severity(head.value("severity"))),
        file=place.file,
        line=place.line,
        links=tuple(_link(directive) for directive in chain),
    )


def _phase(value: str | None) -> int:
    if value is None:
        return _DEFAULT_PHASE
    return int(value) if value in {"1", "2", "3", "4", "5"} else _PHASES.get(value.lower(), 0)


def _severity(value: str | None) -> str:
    if value and value.isdecimal():
        return _SEVERITIES[int(value)] if int(value) < len(_SEVERITIES) else ""
    return (value or "").lower()


def _points(chain: Sequence[Directive], severity: str) -> str:
    for directive in chain:
        for value in directive.rule.values("setvar") if directive.rule else ():
            if match := _ADDS.search(value):
                named = match[1].lower() if match[1] else _BY_NUMBER.get(match[2], severity)
                return named if named in POINTS else ""
    return ""


def _link(directive: Directive) -> Link:
    rule = directive.rule
    if rule is None:
        return Link("", "", False, "", ())
    operator = rule.operator
    return Link(
        looks_at="|".join(map(str, rule.variables)),
        operator=operator.name if operator else "",
        negated=operator.negated if operator else False,
        argument=shortened(operator.argument if operator else "", _ARGUMENT),
        transformations=tuple(rule.values("t")),
    )
