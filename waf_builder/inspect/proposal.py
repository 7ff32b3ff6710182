"""The smallest change of a spec that would let a refused request pass, and what it opens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from pydantic import TypeAdapter, ValidationError

from waf_builder.config.plainpath import is_plain
from waf_builder.config.targets import Miss, targets_of
from waf_builder.crs.rules import RuleIndex
from waf_builder.inspect.answer import MAX_ARGUMENTS, PARSERS, Answer, Match
from waf_builder.inspect.request import HttpRequest
from waf_builder.spec.exclusiontarget import ExclusionTarget, Target
from waf_builder.spec.types import Path
from waf_builder.spec.yaml import scalar

KNOBS = {
    911100: "allowed_methods",
    920420: "allowed_content_types",
    MAX_ARGUMENTS: "max_arguments",
}
"""Rules that only say what a knob of the spec says: turn the knob instead of excluding the rule."""

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
_KEYED = re.compile(r"([A-Z_]+):(.+)")


@dataclass(frozen=True)
class Proposal:
    """What to write, as lines of YAML below `waf:`, and what that gives up.

    lines: empty when there is nothing to write; opens then says why. excluded: the matches that
    are left out, by target. path: where; empty for every one.
    """

    lines: tuple[str, ...]
    opens: str
    excluded: Mapping[str, Sequence[Match]] = field(default_factory=dict, compare=False)
    path: str = field(default="", compare=False)


def propose(
    answer: Answer, threshold: int, rules: Callable[[], RuleIndex] | None = None
) -> Proposal | None:
    """Return the smallest change that lets the request pass; None for one that does.

    threshold: the score from which on the route refuses. rules: gives the rules in force, when
    they are needed; without them, a target may be proposed that a rule cannot leave out.
    """
    if answer.verdict in {"pass", "error"}:
        return None
    if found := knob(answer):
        return found
    matches = list(needed(answer, threshold))
    index = rules() if rules and matches else None
    return proposed(matches, answer.request, index) if matches else None


def proposed(
    matches: Sequence[Match], request: HttpRequest, index: RuleIndex | None = None
) -> Proposal:
    """Return what leaves these matches of a request out."""
    if is_plain(request.target):
        return exclusion(matches, request.path, index)
    return everywhere(matches, index)


def everywhere(matches: Sequence[Match], index: RuleIndex | None = None) -> Proposal:
    """Return what leaves matches out where the path of the request can be read in two ways."""
    found = exclusion(matches, "", index)
    return replace(found, opens=f"{found.opens} {_UNCLEAR}")


def exclusion(matches: Sequence[Match], path: str, index: RuleIndex | None = None) -> Proposal:
    """Return what leaves these matches out, at a path and below it.

    path: as a request line has it; where no spec can name it, that of a folder above it. index: of
    the rules in force, where they are known.
    """
    path = _in_spec(path)
    lines = ["exclusions:"]
    excluded = _by_target(matches, index)
    for target, rules in excluded.items():
        ids = sorted({match.rule for match in rules})
        lines.append(f"  - rule: {ids[0]}" if len(ids) == 1 else f"  - rules: {_flow(ids)}")
        if target:
            lines.append(f"    target: {scalar(target)}")
        if path:
            lines.append(f"    path: {scalar(path)}")
        lines.append(f"    reason: {scalar(_reason(rules))}")
    return Proposal(tuple(lines), _opens(excluded, path), excluded, path)


def knob(answer: Answer) -> Proposal | None:
    """Return what a knob of its own does better than an exclusion."""
    for match in answer.matches:
        if match.rule in PARSERS:
            return Proposal((), "The body cannot be parsed: the client has to send it otherwise.")
        if match.rule in KNOBS:
            value = match.value.strip("|")  # around it where the rule looks for it in a list
            wanted = f"  # with {value} added" if value and match.rule != MAX_ARGUMENTS else ""
            return Proposal(
                (f"{KNOBS[match.rule]}: ...{wanted}",),
                "The rule only says what this key says; it stands in `waf:` or in the route's. The"
                " dots stand for its value as it is now, in the spec or by default.",
            )
    return None


def needed(answer: Answer, threshold: int) -> Iterator[Match]:
    """Yield the fewest matches without which the score stays below the threshold."""
    left = answer.score
    for match in sorted(answer.matches, key=lambda match: (-match.score, match.rule)):
        if left < threshold:
            return
        if match.score:
            left -= match.score
            yield match


def _by_target(matches: Sequence[Match], index: RuleIndex | None) -> dict[str, list[Match]]:
    grouped: dict[str, list[Match]] = {}
    for match in matches:
        grouped.setdefault(_excludable(match, index), []).append(match)
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
    if not _KEYED.fullmatch(target):
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


def _opens(excluded: Mapping[str, Sequence[Match]], path: str) -> str:
    matches = [match for group in excluded.values() for match in group]
    kinds = dict.fromkeys(_KINDS[tag] for match in matches for tag in match.tags if tag in _KINDS)
    places = [target or "the whole request" for target in excluded]
    what = _listed(list(kinds)) or "what these rules look for"
    verb = "are" if len(kinds) > 1 or "protocol violations" in kinds else "is"
    below = f"{path} and below" if path else "every path"
    return (
        f"{what[0].upper()}{what[1:]} in {_listed(places)} of {below} {verb} then looked for"
        " by the other rules only."
    )


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
