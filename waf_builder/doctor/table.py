"""The results as people read them: a table, and below it what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from waf_builder.doctor.result import Outcome, Result

Paint = Callable[[Outcome, str], str]
_HEAD = ("check", "result", "seen")


def table(results: Sequence[Result], paint: Paint = lambda _outcome, text: text) -> str:
    """Return the table, one line a result, and a paragraph for each that is not ok.

    paint: colours the word of an outcome, padded already.
    """
    width = max(len(_HEAD[0]), *(len(result.check) for result in results))
    words = max(len(_HEAD[1]), *(len(result.outcome.value) for result in results))
    lines = [f"{_HEAD[0]:<{width}}  {_HEAD[1]:<{words}}  {_HEAD[2]}"]
    lines += [
        f"{result.check:<{width}}  "
        f"{paint(result.outcome, f'{result.outcome.value:<{words}}')}  {result.seen}"
        for result in results
    ]
    for result in results:
        if result.hint:
            lines += ["", f"{result.check}:", *(f"  {line}" for line in result.hint.splitlines())]
    return "\n".join([*lines, "", _verdict(results)])


def _verdict(results: Sequence[Result]) -> str:
    outcomes = [result.outcome for result in results]
    bad, odd = outcomes.count(Outcome.FAILED), outcomes.count(Outcome.WARNING)
    told = [_count(number, noun) for number, noun in ((bad, "failure"), (odd, "warning")) if number]
    return ", ".join(told) or "all is well"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
