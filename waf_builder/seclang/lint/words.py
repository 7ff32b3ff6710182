"""Words that libmodsecurity does not know, refuses, or accepts without effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from waf_builder.problem import Problem, Severity, did_you_mean
from waf_builder.seclang.source import Source
from waf_builder.seclang.vocabulary.word import Support, Word


@dataclass(frozen=True)
class Setting:
    """What a check knows besides the text.

    ours: the text was written by waf-builder or by the rule set's authors, not by the user: it may
        use reserved ids and set the engine up.
    modsecurity: the version of libmodsecurity, as numbers; None when it is not known.
    """

    ours: bool = False
    modsecurity: Sequence[int] | None = None


def unknown(  # noqa: PLR0913, PLR0917 - one call says one sentence
    source: Source,
    offset: int,
    kind: str,
    word: str,
    known: Mapping[str, Word],
    effect: str,
    mark: str = "",
) -> Problem:
    """Return the problem of a word that is in no table; `effect` is what the engine does then."""
    names = [entry.name for entry in known.values() if entry.support is not Support.REFUSED]
    near = did_you_mean(word.lower(), [name.lower() for name in names])
    for name in names:
        near = near.replace(f"'{name.lower()}'", f"'{mark}{name}'")
    hint = f"{near} {effect}".strip()
    return source.problem(f"unknown-{kind}", f"unknown {kind} {mark + word!r}", offset, hint)


def support(
    source: Source, offset: int, shown: str, word: Word, setting: Setting
) -> Iterator[Problem]:
    """Yield why a known word is no good: refused, without effect, or too new for the engine."""
    instead = f"Instead: {word.instead}." if word.instead else ""
    if word.support is Support.REFUSED:
        message = f"libmodsecurity 3 refuses {shown}: {word.why}"
        yield source.problem("refused", message, offset, instead)
    elif word.support is Support.IGNORED and not setting.ours:
        message = f"{shown} has no effect: {word.why}"
        yield source.problem("no-effect", message, offset, instead, Severity.WARNING)
    if word.since and setting.modsecurity is not None and tuple(setting.modsecurity) < word.since:
        since, there = (".".join(map(str, v)) for v in (word.since, setting.modsecurity))
        yield source.problem(
            "too-new",
            f"{shown} needs libmodsecurity {since}, this is {there}",
            offset,
            "nginx does not start with it; remove it, or choose a newer engine.",
        )
