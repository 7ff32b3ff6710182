"""What a WAF says of a request, and where two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.verify.wire import Request


@dataclass(frozen=True)
class Match:
    """A rule that matched, with every word of its record but two.

    libmodsecurity counts lines wrongly behind some chains, so that `lineNumber` depends on rules
    that stand before; in `reference`, a rule that looks at MATCHED_VAR repeats the offsets of all
    that matched before, also of rules that only compare levels.
    """

    rule: int
    message: str
    file: str
    tags: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """All that is said of a request: the answer's status, the matches in order, the scores."""

    status: str
    matches: tuple[Match, ...]
    scores: str

    def __str__(self) -> str:
        rules = " ".join(str(match.rule) for match in self.matches)
        return f"{self.status}, rules {rules or 'none'}, scores {self.scores}"


@dataclass(frozen=True)
class Difference:
    """A request that the two do not agree on."""

    request: Request
    installed: Verdict
    compiled: Verdict

    @property
    def rules(self) -> tuple[int, ...]:
        """The rules that only one of them names, or names with other words."""
        only = set(self.installed.matches) ^ set(self.compiled.matches)
        return tuple(sorted({match.rule for match in only}))

    def __str__(self) -> str:
        lines = [f"request {self.request.number}: {self.request.data!r}"]
        lines.append(f"    installed: {self.installed}")
        lines.append(f"    compiled:  {self.compiled}")
        if self.rules:
            lines.append(f"    they differ in {', '.join(map(str, self.rules))}")
        return "\n".join(lines)
