"""A SecLang text as directives, with the place of each, that gives back every byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from waf_builder.problem import Place, Problem
from waf_builder.seclang.rule import DEFINES, Rule, parse_rule
from waf_builder.seclang.scan import Argument, Scanner, Statement
from waf_builder.seclang.source import Source, Span


@dataclass(frozen=True, eq=False)
class Directive:
    """One directive: its name, its arguments, and what they mean if it is a rule."""

    source: Source
    statement: Statement

    @property
    def name(self) -> str:
        """The name as written."""
        return self.statement.name.text

    @cached_property
    def key(self) -> str:
        """The name in small letters: directives are compared without regard to case."""
        return self.statement.name.text.lower()

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments, as they stand in the text."""
        return self.statement.arguments

    @property
    def span(self) -> Span:
        """From the first letter of the name to the end of the last argument."""
        last = self.arguments[-1].outer if self.arguments else self.statement.name.span
        return Span(self.statement.name.span.start, last.end)

    @property
    def place(self) -> Place:
        """Where the name begins."""
        return self.source.place(self.statement.name.span.start)

    @cached_property
    def rule(self) -> Rule | None:
        """The variables, operator and actions; None if the directive has none of them."""
        return parse_rule(self.source, self.statement)


@dataclass(frozen=True, eq=False)
class Document:
    """A text, its directives in order and its comments.

    Nothing of the text is lost: what is neither directive nor comment is white space, line
    continuations and a byte order mark. `text` is what was read.
    """

    source: Source
    directives: tuple[Directive, ...]
    comments: tuple[Span, ...]
    scan_problems: tuple[Problem, ...]

    @property
    def text(self) -> str:
        """The text that was read."""
        return self.source.text

    @cached_property
    def chains(self) -> tuple[tuple[Directive, ...], ...]:
        """The rules, each with those that its `chain` action ties to it.

        Only SecRule, SecAction and SecRuleScript; a rule without `chain` is a chain of one.
        """
        return tuple(_chains(self.directives))

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that could not be read, in the order of the text."""
        found = list(self.scan_problems)
        for directive in self.directives:
            if directive.rule:
                found += directive.rule.problems
        found += [_dangling(chain[-1]) for chain in self.chains if _goes_on(chain[-1])]
        return tuple(sorted(found, key=lambda problem: problem.place or Place("")))

    def replaced(self, edits: Mapping[Span, str] | Iterable[tuple[Span, str]]) -> str:
        """Return the text with each span replaced and every other character as it was.

        Raises ValueError when two spans overlap or one lies outside the text.
        """
        pieces = []
        position = 0
        for span, new in sorted(edits.items() if isinstance(edits, Mapping) else edits):
            if not position <= span.start <= span.end <= len(self.text):
                raise ValueError(f"{span} overlaps another one or lies outside the text")
            pieces += [self.text[position : span.start], new]
            position = span.end
        return "".join([*pieces, self.text[position:]])


def read(text: str, file: str = "") -> Document:
    """Return the directives of a SecLang text; never raises, see `Document.problems`."""
    source = Source(text, file)
    scanner = Scanner(source)
    scanner.run()
    return Document(
        source,
        tuple(Directive(source, statement) for statement in scanner.statements),
        tuple(scanner.comments),
        tuple(scanner.problems),
    )


def _goes_on(directive: Directive) -> bool:
    return directive.rule is not None and directive.rule.has("chain")


def _chains(directives: Iterable[Directive]) -> Iterable[tuple[Directive, ...]]:
    chain: list[Directive] = []
    for directive in directives:
        if directive.key not in DEFINES:
            continue
        chain.append(directive)
        if not _goes_on(directive):
            yield tuple(chain)
            chain = []
    if chain:
        yield tuple(chain)


def _dangling(directive: Directive) -> Problem:
    return directive.source.problem(
        "dangling-chain",
        f"{directive.name} has the action chain, but no rule follows it",
        directive.span.start,
        "libmodsecurity loads it and then never runs its actions; remove chain, or add the rule.",
    )
