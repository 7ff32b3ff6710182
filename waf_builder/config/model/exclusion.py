"""What ModSecurity is told not to look at."""

from __future__ import annotations

from dataclasses import dataclass

HOST = "REQUEST_HEADERS:Host"


@dataclass(frozen=True)
class Condition:
    """One thing that a request must be like.

    pattern: a regular expression for the variable after the transformations.
    """

    variable: str
    pattern: str
    transformations: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exclusion:
    """Rules that do not run, or do not look at some targets.

    conditions: of the requests that it holds for; empty for all of the level it stands in.
    number: of the rule that looks at the conditions; 0 without any.
    removed: rules that do not run. targets: a rule and what it does not look at.
    """

    reason: str
    conditions: tuple[Condition, ...]
    number: int
    removed: tuple[int, ...]
    targets: tuple[tuple[int, str], ...]

    @property
    def looks_at_host(self) -> bool:
        """Whether the Host header is among the conditions."""
        return any(one.variable == HOST for one in self.conditions)
