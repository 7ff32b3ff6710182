"""Rules as a whole: number, phase, chain, and where skipAfter leads."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from waf_builder.problem import Problem, Severity, did_you_mean
from waf_builder.seclang.actions import Action
from waf_builder.seclang.document import Directive, Document
from waf_builder.seclang.lint.variables import PHASES, check_phase
from waf_builder.seclang.vocabulary.actions import ACTIONS, ActionWord

RESERVED = {
    "the OWASP Core Rule Set": range(900_000, 1_000_000),
    "waf-builder": range(90_000, 100_000),
}
"""Rule numbers that a user's own rules must leave alone, and whose they are.

900000-999999 are the Core Rule Set's (https://coreruleset.org/docs/3-about-rules/rules/);
90000-99999 are what waf-builder gives to the rules that it writes.
"""

# Every file of the Core Rule Set ends with one of these.
_CRS_MARKERS = ("END-REQUEST-", "END-RESPONSE-")
_DEFAULT_PHASE = 1
_LAST_PHASE = 4


def check_chain(chain: tuple[Directive, ...]) -> Iterator[Problem]:
    """Yield what is wrong with a rule and those that are chained to it."""
    starter, *others = chain
    yield from _number(starter)
    yield from _phase(chain)
    for directive in others:
        offset = directive.span.start
        if directive.key != "secrule":
            yield directive.source.problem(
                "chain-broken",
                f"{directive.name} cannot go on a chain",
                offset,
                "libmodsecurity runs it on its own, and the rule above never fires; write"
                ' SecRule REMOTE_ADDR "@unconditionalMatch" instead.',
            )
        for action in directive.rule.actions if directive.rule else ():
            if _is_disruptive(action):
                yield directive.source.problem(
                    "chain-disruptive",
                    f"{action.name} stands in a rule that a chain goes on with",
                    action.span.start,
                    "nginx does not start with it; only the first rule of a chain says what"
                    " becomes of the request.",
                )


def check_reserved(directive: Directive) -> Iterator[Problem]:
    """Yield a problem if a user's rule has a number that belongs to somebody else."""
    rule = directive.rule
    number = rule.id if rule else None
    for owner, numbers in RESERVED.items():
        if rule and number is not None and number in numbers:
            action = next(action for action in rule.actions if action.key == "id")
            yield directive.source.problem(
                "reserved-id",
                f"rule id {number} belongs to {owner} ({numbers[0]}-{numbers[-1]})",
                action.span.start,
                "Take a number below 90000, such as 10010.",
            )


def check_skips(document: Document, markers: Collection[str]) -> Iterator[Problem]:
    """Yield the skipAfter actions whose marker is nowhere; `markers` are all that there are."""
    for directive in document.directives:
        for action in directive.rule.actions if directive.rule else ():
            if action.key != "skipafter" or not action.value or action.value in markers:
                continue
            if action.value.startswith(_CRS_MARKERS):  # the Core Rule Set's own
                continue
            yield document.source.problem(
                "skip-nowhere",
                f"there is no SecMarker {action.value}",
                action.span.start,
                f"{did_you_mean(action.value, markers)} libmodsecurity skips every further rule of"
                " the phase, the Core Rule Set too.".lstrip(),
            )


def markers_in(document: Document) -> set[str]:
    """Return the names of the text's markers."""
    return {
        directive.arguments[0].text
        for directive in document.directives
        if directive.key == "secmarker" and directive.arguments
    }


def _number(starter: Directive) -> Iterator[Problem]:
    rule = starter.rule
    if rule is None or not rule.sound or rule.has("id"):
        return
    if starter.key == "secaction":
        yield starter.source.problem(
            "missing-id",
            "the SecAction has no id",
            starter.span.start,
            "libmodsecurity loads it, but logs call it 0 and no exclusion can name it.",
            Severity.WARNING,
        )
    elif rule.actions or starter.key == "secrule":
        yield starter.source.problem(
            "missing-id",
            f"the {starter.name} has no id",
            starter.span.start,
            "nginx does not start with it. Take a number below 90000, such as id:10010.",
        )


def _phase(chain: tuple[Directive, ...]) -> Iterator[Problem]:
    starter = chain[0]
    rule = starter.rule
    if rule is None or not rule.sound:
        return
    value = rule.value("phase")
    if value is None and not rule.has("phase"):
        yield starter.source.problem(
            "missing-phase",
            f"the {starter.name} has no phase",
            starter.span.start,
            "libmodsecurity 3 runs it in phase 1, before there is a body; ModSecurity's manual says"
            " 2. Write phase:1 or phase:2.",
            Severity.WARNING,
        )
    phase = _phase_number(value)
    for directive in chain:
        if phase <= _LAST_PHASE:
            yield from check_phase(directive, phase)


def _phase_number(value: str | None) -> int:
    if value is None:
        return _DEFAULT_PHASE
    return PHASES.get(value.lower(), int(value) if value.isdecimal() else _LAST_PHASE + 1)


def _is_disruptive(action: Action) -> bool:
    word = ACTIONS.get(action.key)
    return isinstance(word, ActionWord) and word.disruptive and action.key != "block"
