"""The smallest change of a spec that would let a refused request pass, and what it opens."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from waf_builder.config.plainpath import is_plain
from waf_builder.config.targets import Miss, targets_of
from waf_builder.crs.rules import RuleIndex
from waf_builder.inspect import shown
from waf_builder.inspect.answer import MAX_ARGUMENTS, PARSERS, Answer, Match
from waf_builder.inspect.request import HttpRequest
from waf_builder.inspect.routing import Routing
from waf_builder.spec.exclusiontarget import ExclusionTarget, Target
from waf_builder.spec.types import Path
from waf_builder.spec.yaml import scalar

if TYPE_CHECKING:
    from waf_builder.inspect.setting import At, Setting

RULES_OF_KEYS = frozenset({911100, 920420, MAX_ARGUMENTS})
"""Rules that only say what a key of the spec says."""
_REFUSALS_OF_KEYS = frozenset({405, 413, 415})
"""What nginx answers because of a key."""
_KINDS = {
    "attack-sqli": "SQL injection",
    "attack-xss": "cross-site scripting",
    "attack-rce": "command execution",
    "attack-lfi": "path traversal",
    "attack-rfi": "inclusion of remote files",
    "attack-injection-php": "PHP injection",
    "attack-injection-java": "Java injection",
    "attack-injection-generic": "injection into templates and scripts",
    "attack-protocol": "protocol violations",
    "attack-fixation": "session fixation",
}
_PATH: TypeAdapter[str] = TypeAdapter(Path)
_TARGET: TypeAdapter[ExclusionTarget] = TypeAdapter(Target)
_NO_TEXT = "\ufffd"
"""What bytes that are no text are decoded to."""
_UNCLEAR = (
    "An exclusion for its path would not hold: not everybody reads it alike, so such a request is"
    " inspected in full."
)
_NOT_IN_A_SCOPE = "XML://@*"
"""Only libmodsecurity 3.0.16 can leave it out for some requests, which the wheel is not yet:
https://github.com/coreruleset/coreruleset/pull/4693"""
_KEYED = re.compile(r"([A-Z_]+):(.+)")


@dataclass(frozen=True)
class Proposal:
    """What to write, as lines of YAML, and what that gives up.

    lines: empty when there is nothing to write; opens then says why. excluded: the matches that
    are left out, by target. path: where; empty for every one. settings: the keys among the lines.
    doubt: why it may not suffice, which `opens` says, too. at, route: where the lines stand; route:
    a label, empty for none.
    """

    lines: tuple[str, ...]
    opens: str
    excluded: Mapping[str, Sequence[Match]] = field(default_factory=dict, compare=False)
    path: str = field(default="", compare=False)
    settings: tuple[Setting, ...] = ()
    doubt: str = ""
    at: At = "waf"
    route: str = ""

    def doubted(self, why: str) -> Proposal:
        """Return the same, with why it may not suffice."""
        return replace(self, opens=f"{self.opens} {why}", doubt=why)


def propose(
    answer: Answer, routing: Routing, rules: Callable[[], RuleIndex] | None = None
) -> Proposal | None:
    """Return the smallest change that lets the request pass; None for one that does.

    rules: gives the rules in force, when they are needed; without them, a target may be proposed
    that a rule cannot leave out.
    """
    if answer.verdict in {"pass", "error"}:
        return None
    if any(match.rule in PARSERS for match in answer.matches):
        return Proposal((), "The body cannot be parsed: the client has to send it otherwise.")
    threshold = routing.threshold_of(answer.route)
    settings: Sequence[Setting] = ()
    if answer.status in _REFUSALS_OF_KEYS:
        from waf_builder.inspect.setting import setting_of_nginx

        if found := setting_of_nginx(answer, routing):
            return Proposal((), found) if isinstance(found, str) else with_settings([found])
    if any(match.rule in RULES_OF_KEYS for match in answer.matches):
        from waf_builder.inspect.setting import settings_for

        settings = list(settings_for(answer, routing, threshold))
    route = answer.route if routing.several_hosts or any(one.route for one in settings) else ""
    matches = list(needed(answer, threshold, [one.rule for one in settings]))
    index = rules() if rules and matches else None
    if matches:
        return proposed(matches, answer.request, index, settings, route)
    return with_settings(settings) if settings else None


def proposed(
    matches: Sequence[Match],
    request: HttpRequest,
    index: RuleIndex | None = None,
    settings: Sequence[Setting] = (),
    route: str = "",
) -> Proposal:
    """Return what leaves these matches of a request out, and turns keys.

    route: in which it is written, by its label; empty for all.
    """
    excluded = by_target(matches, index)
    if is_plain(request.target):
        return with_settings(settings, exclusion(excluded, request.path, route))
    return with_settings(settings, everywhere(excluded, route))


def everywhere(excluded: Mapping[str, Sequence[Match]], route: str = "") -> Proposal:
    """Return what leaves matches out where the path of the request can be read in two ways."""
    found = exclusion(excluded, "", route)
    return replace(found, opens=f"{found.opens} {_UNCLEAR}")


def exclusion(excluded: Mapping[str, Sequence[Match]], path: str, route: str = "") -> Proposal:
    """Return what leaves these matches out, at a path and below it.

    excluded: by the target that an exclusion names. path: as a request line has it; where no spec
    can name it, that of a folder above it. route: as in `proposed`.
    """
    path = _in_spec(path)
    lines = ["exclusions:"]
    for target, rules in excluded.items():
        ids = sorted({match.rule for match in rules})
        lines.append(f"  - rule: {ids[0]}" if len(ids) == 1 else f"  - rules: {_flow(ids)}")
        if target:
            lines.append(f"    target: {scalar(target)}")
        if path:
            lines.append(f"    path: {scalar(path)}")
        lines.append(f"    reason: {scalar(_reason(rules))}")
    at: At = "route.waf" if route else "waf"
    below = f"{path} and below" if path else every_path(route)
    return Proposal(tuple(lines), _opens(excluded, below), excluded, path, at=at, route=route)


def every_path(route: str) -> str:
    """Return what an exclusion without a path is for; route: in which it stands, empty for none."""
    return f"every path of the route {shown.printable(route)}" if route else "every path"


def with_settings(settings: Sequence[Setting], rest: Proposal | None = None) -> Proposal:
    """Return a proposal for keys of the spec, and for an exclusion besides."""
    if not settings:
        return rest or Proposal((), "")
    lines = [line for one in settings for line in one.lines]
    told = []
    rules = [str(rule) for rule in sorted({one.rule for one in settings if one.rule})]
    if rules:
        several = f"Rules {_listed(rules)} only say what these keys say."
        told.append(several if rules[1:] else f"Rule {rules[0]} only says what this key says.")
    if added := [name for one in settings for name in one.added]:
        told.append(f"New in it {'are' if added[1:] else 'is'} {_listed(added)}.")
    told.append("Where the spec has the key already, this replaces it.")
    base = rest or Proposal((), "", at=settings[0].at, route=settings[0].route)
    opens = " ".join(filter(None, [*told, base.opens]))
    return replace(base, lines=(*lines, *base.lines), opens=opens, settings=tuple(settings))


def needed(answer: Answer, threshold: int, turned: Collection[int] = ()) -> Iterator[Match]:
    """Yield the fewest matches without which the score stays below the threshold.

    turned: rules that will not match any more.
    """
    left = answer.score - sum(match.score for match in answer.matches if match.rule in turned)
    for match in sorted(answer.matches, key=lambda match: (-match.score, match.rule)):
        if left < threshold:
            return
        if match.score and match.rule not in turned:
            left -= match.score
            yield match


def by_target(matches: Iterable[Match], index: RuleIndex | None) -> dict[str, list[Match]]:
    """Return matches by the target that an exclusion can name; empty for the whole request.

    index: of the rules in force, where they are known.
    """
    return without_repeats((_excludable(match, index), match) for match in matches)


def without_repeats(targeted: Iterable[tuple[str, Match]]) -> dict[str, list[Match]]:
    """Return matches by target, without those of rules that are off as a whole."""
    grouped: dict[str, list[Match]] = {}
    for target, match in targeted:
        grouped.setdefault(target, []).append(match)
    off = {match.rule for match in grouped.get("", ())}
    left = {
        target: [match for match in group if not target or match.rule not in off]
        for target, group in grouped.items()
    }
    return {target: group for target, group in left.items() if group}


def _excludable(match: Match, index: RuleIndex | None) -> str:
    """Return the target as an exclusion can name it: with a key, or not at all."""
    # The last rule of a chain looks again at what the first one has found.
    target = match.target.removeprefix("MATCHED_VARS:").removeprefix("MATCHED_VARS_NAMES:")
    if not _KEYED.fullmatch(target) or target == _NOT_IN_A_SCOPE:
        return ""
    try:
        known = _TARGET.validate_python(target)
    except ValidationError:
        return ""
    rule = index.get(match.rule) if index else None
    if not known.works_in_a_scope or (rule and isinstance(targets_of(rule, known), Miss)):
        return ""
    return target


def _in_spec(path: str) -> str:
    """Return a path as a spec has it, decoded; empty where only all paths will do."""
    text = unquote(path)
    while text not in {"", "/"}:
        if _NO_TEXT not in text and text.isprintable():
            with suppress(ValidationError):
                return _PATH.validate_python(text)
        above = text.rstrip("/").rpartition("/")[0].rstrip("/")
        text = f"{above}/" if above else ""
    return ""


def _reason(matches: Sequence[Match]) -> str:
    words = f"why it is no attack; matched: {matches[0].message}"
    return "".join(char for char in words if char.isprintable())[:200]


def _flow(numbers: Sequence[int]) -> str:
    return f"[{', '.join(map(str, numbers))}]"


def _opens(excluded: Mapping[str, Sequence[Match]], below: str) -> str:
    matches = [match for group in excluded.values() for match in group]
    kinds = dict.fromkeys(_KINDS[tag] for match in matches for tag in match.tags if tag in _KINDS)
    places = [target or "the whole request" for target in excluded]
    what = _listed(list(kinds)) or "what these rules look for"
    verb = "are" if len(kinds) > 1 or "protocol violations" in kinds else "is"
    return (
        f"{what[0].upper()}{what[1:]} in {_listed(places)} of {below} {verb} then looked for"
        " by the other rules only."
    )


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
