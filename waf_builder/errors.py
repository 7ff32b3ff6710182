"""What the library raises; `cli/` turns it into a message and an exit status."""

from __future__ import annotations

from collections.abc import Sequence

from waf_builder.problem import Problem


class WafBuilderError(Exception):
    """Something the user can mend; `str()` is the whole message."""


class ProblemsError(WafBuilderError):
    """One or more problems stopped a stage; `problems` also holds its warnings."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.render() for problem in self.problems))


class EngineError(WafBuilderError):
    """No usable engine or rule set; the message says where was looked and what to do."""
