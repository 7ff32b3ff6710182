"""Exclusions: removals that name nothing, have no effect, or switch the WAF off."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.seclang.actions import Action
from waf_builder.seclang.document import Directive
from waf_builder.seclang.ids import id_ranges
from waf_builder.seclang.lint.words import Setting
from waf_builder.seclang.vital import VITAL_TAGS, is_vital
from waf_builder.seclang.vocabulary.actions import CTL_OPTIONS

_REGEX_SIGNS = re.compile(r"[*?^$()|\\+\[\]]")
_BY_TEXT = {
    "secruleremovebytag": "tag",
    "secruleremovebymsg": "msg",
    "secruleupdatetargetbytag": "tag",
    "secruleupdatetargetbymsg": "msg",
}
_BY_ID = frozenset({"secruleremovebyid", "secruleupdatetargetbyid", "secruleupdateactionbyid"})
_NEAREST = 3


def check_exclusions(
    directive: Directive, setting: Setting, known_ids: Collection[int]
) -> Iterator[Problem]:
    """Yield what is wrong with a directive that changes other rules; no ids: none are known."""
    if directive.key in _BY_TEXT and directive.arguments:
        yield from _by_text(directive, setting)
    elif directive.key in _BY_ID and directive.arguments:
        yield from _by_id(directive, setting, known_ids)
    for action in directive.rule.actions if directive.rule else ():
        if action.key == "ctl" and action.value:
            yield from _ctl(directive, action, setting, known_ids)


def _by_text(directive: Directive, setting: Setting) -> Iterator[Problem]:
    source = directive.source
    first = directive.arguments[0]
    offset = first.outer.start
    what = _BY_TEXT[directive.key]
    if what == "tag" and (sign := _REGEX_SIGNS.search(first.text)):
        yield source.problem(
            "not-a-regex",
            f"{directive.name} compares whole tags, {sign[0]!r} means only itself in {first.text}",
            offset,
            "libmodsecurity 3 takes no regular expression here; write each tag out.",
            Severity.WARNING,
        )
    if not first.quote and source.text[directive.span.end : directive.span.end + 1] == "\r":
        yield source.problem(
            "line-end",
            f"libmodsecurity takes the Windows line end for a part of the {what}",
            offset,
            f"It removes nothing. Put the {what} in double quotes, or save the file with Unix line"
            " ends.",
        )
    if directive.key == "secruleremovebytag" and first.text.lower() in VITAL_TAGS:
        yield from _switched_off(directive, offset, f"{directive.name} {first.text}", setting)


def _by_id(directive: Directive, setting: Setting, known_ids: Collection[int]) -> Iterator[Problem]:
    source = directive.source
    first, *others = directive.arguments
    offset = first.outer.start
    removes = directive.key == "secruleremovebyid"
    end = others[-1].span.end if others and removes else first.span.end
    text = source.text[first.span.start : end]
    ranges = id_ranges(text)
    if not removes and (ranges is None or len(ranges) != 1 or "-" in first.text):
        yield source.problem(
            "bad-value",
            f"{directive.name} is {first.text!r}, expected one rule id",
            offset,
            "libmodsecurity reads the digits at its beginning and forgets the rest; write one"
            " directive for each rule.",
        )
    for ids in ranges or ():
        yield from _numbers(directive, offset, ids, known_ids)
    if removes:
        yield from _ranges_as_text(directive, text)
        for ids in ranges or ():
            if is_vital(ids):
                yield from _switched_off(directive, offset, f"{directive.name} {text}", setting)
                break


def _ranges_as_text(directive: Directive, text: str) -> Iterator[Problem]:
    for first, last in re.findall(r"([0-9]+)-([0-9]+)", text):
        if first > last:
            yield directive.source.problem(
                "bad-range",
                f"libmodsecurity refuses the range {first}-{last}",
                directive.arguments[0].outer.start,
                "It compares the two ends as text; both need the same number of digits, the"
                " smaller one first.",
            )


def _ctl(
    directive: Directive, action: Action, setting: Setting, known_ids: Collection[int]
) -> Iterator[Problem]:
    option, _, value = (action.value or "").partition("=")
    subject, _, target = value.partition(";")
    offset = action.span.start
    name = option.lower()
    word = CTL_OPTIONS.get(name)
    if word is None or not re.fullmatch(word.value, value):
        return
    if name == "ruleengine" and value.lower() != "on" and not setting.ours:
        always = directive.key == "secaction"
        yield directive.source.problem(
            "engine-mode",
            f"ctl:{option}={value} switches the WAF off" + (" for every request" if always else ""),
            offset,
            "For a path, write a route with waf: {mode: off} in the spec: nginx's own routing then"
            " decides, so a path cannot be read one way by nginx and another way by a rule.",
            Severity.ERROR if always else Severity.WARNING,
        )
    if name in {"ruleremovetargetbyid", "ruleremovetargetbytag"}:
        yield from _target(directive, action, subject, target)
    if name in {"ruleremovebyid", "ruleremovetargetbyid"}:
        ranges = id_ranges(subject)
        for ids in ranges or ():
            yield from _numbers(directive, offset, ids, known_ids)
            if name == "ruleremovebyid" and is_vital(ids):
                yield from _switched_off(directive, offset, f"ctl:{option}={value}", setting)
    if name == "ruleremovebytag" and value.lower() in VITAL_TAGS:
        yield from _switched_off(directive, offset, f"ctl:{option}={value}", setting)


def _target(directive: Directive, action: Action, subject: str, target: str) -> Iterator[Problem]:
    source = directive.source
    offset = action.span.start
    collection, _, key = target.partition(":")
    if (ids := id_ranges(subject)) and len(ids[0]) > 1:
        yield source.problem(
            "ctl-target",
            f"of the range {subject} libmodsecurity takes {ids[0][0]} alone",
            offset,
            "Write a ctl for each rule.",
        )
    elif ";" in target:
        yield source.problem(
            "ctl-target",
            "one ctl removes one target, the second one is forgotten",
            offset,
            "Write a ctl for each target.",
        )
    elif collection != collection.upper():
        yield source.problem(
            "ctl-target",
            f"libmodsecurity finds no target {target!r}: ctl compares capital and small letters",
            offset,
            f"Write {collection.upper()}" + (f":{key}" if key else ""),
        )
    elif collection != "XML" and (key.startswith("/") or key.endswith("*")):
        yield source.problem(
            "ctl-target",
            f"libmodsecurity compares the key {key!r} letter by letter, not as a pattern",
            offset,
            'Only SecRuleUpdateTargetById takes a regular expression: "!ARGS:/^x/"',
        )


def _numbers(
    directive: Directive, offset: int, ids: range, known_ids: Collection[int]
) -> Iterator[Problem]:
    if not known_ids or not len(ids) or any(number in known_ids for number in _few(ids, known_ids)):
        return
    shown = str(ids[0]) if len(ids) == 1 else f"{ids[0]}-{ids[-1]}"
    near = sorted(sorted(known_ids, key=lambda known: (abs(known - ids[0]), known))[:_NEAREST])
    yield directive.source.problem(
        "unknown-rule",
        f"there is no rule {shown}",
        offset,
        f"Nearest: {', '.join(map(str, near))}.",
    )


def _few(ids: range, known_ids: Collection[int]) -> Collection[int]:
    """Return the shorter of the two to go through."""
    return ids if len(ids) < len(known_ids) else [known for known in known_ids if known in ids]


def _switched_off(
    directive: Directive, offset: int, what: str, setting: Setting
) -> Iterator[Problem]:
    if not setting.ours:
        yield directive.source.problem(
            "waf-off",
            f"{what} removes rules that the Core Rule Set cannot do without",
            offset,
            "901xxx set it up, 949xxx and 959xxx block, 980xxx log the sum. Remove the rules that"
            " matched, raise waf.inbound_anomaly_threshold in the spec, or set"
            " waf.mode there, for all routes or for one.",
        )
