"""What a rule looks at: names, keys, and whether there is anything to see yet."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.seclang.document import Directive
from waf_builder.seclang.lint.words import Setting, support, unknown
from waf_builder.seclang.pcre import regex_error
from waf_builder.seclang.source import Source
from waf_builder.seclang.variables import Variable
from waf_builder.seclang.vocabulary.variables import VARIABLES

PHASES = {"request": 2, "response": 4, "logging": 5}


def check_variables(directive: Directive, setting: Setting) -> Iterator[Problem]:
    """Yield what is wrong with the variables of a directive."""
    rule = directive.rule
    if rule is None:
        return
    source = directive.source
    for variable in rule.variables:
        word = VARIABLES.get(variable.name.lower())
        offset = variable.span.start
        if word is None:
            effect = "nginx does not start with it."
            yield unknown(source, offset, "variable", variable.name, VARIABLES, effect)
            continue
        yield from support(source, offset, word.name, word, setting)
        if variable.selector is not None:
            yield from _selector(source, variable, keyed=word.keyed)
    if directive.key == "secrule" and rule.variables and all(v.negated for v in rule.variables):
        yield source.problem(
            "no-target",
            "the rule only names what it does not look at",
            rule.variables[0].span.start,
            f"Write the whole collection before it: {rule.variables[0].collection}|"
            f"{rule.variables[0]}",
        )


def check_phase(directive: Directive, phase: int) -> Iterator[Problem]:
    """Yield a problem when nothing that a rule looks at is there yet in its phase."""
    rule = directive.rule
    if rule is None:
        return
    looked_at = [VARIABLES.get(v.name.lower()) for v in rule.variables if not v.negated]
    words = [word for word in looked_at if word]
    if words and len(words) == len(looked_at) and all(word.phase > phase for word in words):
        earliest = min(word.phase for word in words)
        names = ", ".join(dict.fromkeys(word.name for word in words))
        yield directive.source.problem(
            "phase-too-early",
            f"in phase {phase} there is no {names} yet",
            directive.span.start,
            f"Write phase:{earliest}.",
            Severity.WARNING,
        )


def _selector(source: Source, variable: Variable, *, keyed: bool) -> Iterator[Problem]:
    offset = variable.span.start
    selector = variable.selector or ""
    if not keyed:
        message = f"{variable.name} is no collection, it takes no key"
        yield source.problem("bad-key", message, offset, f"Write {variable.name}.")
    elif not selector:
        yield source.problem(
            "bad-key", f"the key of {variable.name} is missing", offset, f"Write {variable.name}."
        )
    elif variable.bare_alternation:
        yield source.problem(
            "bad-key",
            f"libmodsecurity splits the key {selector!r} at its |",
            offset,
            f"A regular expression with | stands in single quotes: {variable.name}:'{selector}'",
        )
    elif variable.pattern is not None:
        yield from _regex(source, variable, variable.pattern)
    elif selector[0] == selector[-1] == "'":
        yield source.problem(
            "bad-key",
            f"libmodsecurity takes the quotes of {variable.name}:{selector} for a part of the key",
            offset,
            f"Nothing has such a name; write {variable.name}:{selector[1:-1]}",
        )


def _regex(source: Source, variable: Variable, pattern: str) -> Iterator[Problem]:
    offset = variable.span.start
    if "=" in pattern or " " in pattern:
        yield source.problem(
            "bad-key",
            f"libmodsecurity reads the key {variable.selector!r} letter by letter, because of the"
            f" {'=' if '=' in pattern else 'space'} in it",
            offset,
            r"Write \x3d for = and \x20 for a space.",
        )
    elif why := regex_error(pattern):
        yield source.problem(
            "bad-regex",
            f"the regular expression of {variable.name} does not compile: {why}",
            offset,
            "libmodsecurity loads it all the same; 3.0.9 crashes at the first request.",
        )
