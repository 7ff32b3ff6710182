"""Whether what is proposed lets a request pass: asked again, where one answer cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from waf_builder.config.targets import Miss, targets_of
from waf_builder.crs.rules import RuleIndex
from waf_builder.inspect.answer import Answer, Match
from waf_builder.inspect.library import LibraryError
from waf_builder.inspect.proposal import Proposal, needed, proposed
from waf_builder.inspect.request import HttpRequest
from waf_builder.spec.exclusiontarget import ExclusionTarget

Again = Callable[[HttpRequest, str], Answer]
"""Says what comes of a request with rules, as SecLang, that run before all others."""

ROUNDS = 3
_NUMBER = 99_999
"""Of the one rule that is added: no exclusion of a spec has it."""
_UNSURE = (
    "One of these rules may match elsewhere in the request, too: ask again with this in the spec."
)
_TOO_LITTLE = (
    "This does not suffice: the rules match in more and more of the request. Ask again with this in"
    " the spec, or leave the rules out without a target."
)


def settled(
    proposal: Proposal,
    answer: Answer,
    threshold: int,
    index: RuleIndex | None,
    again: Again | None,
) -> Proposal:
    """Return a proposal with what else has to be left out, or that says that it may not suffice.

    again: None where nobody can be asked. It is only asked where the answer leaves a doubt, since
    the rules are loaded anew for it, which takes longer than to ask.
    """
    if not _in_doubt(proposal, answer, index):
        return proposal
    if again is None:
        return proposal.doubted(_UNSURE)
    matches = [match for group in proposal.excluded.values() for match in group]
    for _ in range(ROUNDS):
        try:
            said = again(answer.request, _rule(proposal, index))
        except LibraryError:
            return proposal.doubted(_UNSURE)
        if said.verdict == "pass":
            return proposal
        known = {(match.rule, match.target) for match in matches}
        more = [one for one in needed(said, threshold) if (one.rule, one.target) not in known]
        if not more:
            break
        matches += more
        proposal = proposed(matches, answer.request, index, proposal.settings, proposal.route)
    return proposal.doubted(_TOO_LITTLE)


def _in_doubt(proposal: Proposal, answer: Answer, index: RuleIndex | None) -> bool:
    """Return whether a rule of which a target is left out may have matched elsewhere, too.

    The record of a request has one match of each rule; the score has all of them, but for a rule
    of several links, which counts once for all that its first one has found.
    """
    targeted = [match for target, group in proposal.excluded.items() if target for match in group]
    if not targeted:
        return False
    if answer.score > sum(match.score for match in answer.matches):
        return True
    rules = [index.get(match.rule) for match in targeted] if index else []
    return any(rule and len(rule.links) > 1 for rule in rules)


def _rule(proposal: Proposal, index: RuleIndex | None) -> str:
    """Return what a proposal comes to, for the one request that it is about."""
    turned = (f"ctl:ruleRemoveById={one.rule}" for one in proposal.settings)
    controls = ",".join(dict.fromkeys([*turned, *_controls(proposal.excluded, index)]))
    return f'SecAction "id:{_NUMBER},phase:1,pass,nolog,{controls}"\n'


def _controls(excluded: Mapping[str, Sequence[Match]], index: RuleIndex | None) -> Iterator[str]:
    for target, matches in excluded.items():
        collection, _, key = target.partition(":")
        for match in matches:
            if not target:
                yield f"ctl:ruleRemoveById={match.rule}"
                continue
            written: list[str] | Miss = [target]
            if rule := index.get(match.rule) if index else None:
                written = targets_of(rule, ExclusionTarget(collection, key))
            if not isinstance(written, Miss):
                yield from (f"ctl:ruleRemoveTargetById={match.rule};{one}" for one in written)
