"""One request of a test, and what must come of it."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.inspect.answer import Verdict
from waf_builder.inspect.request import HttpRequest
from waf_builder.problem import Place
from waf_builder.suite.ftw import Output

PASS: frozenset[Verdict] = frozenset({"pass"})
"""What an ordinary request must come to: a route that only detects would have to refuse nothing."""
BLOCK: frozenset[Verdict] = frozenset({"block", "detect", "reject"})
"""What an attack must come to, on a route that only detects, too."""


@dataclass(frozen=True)
class Check:
    """One request and what must come of it.

    request: None where there is none to send; skipped then says why. verdicts: the ones that are
    right, empty where only `wanted` counts.
    """

    name: str
    place: Place
    request: HttpRequest | None
    wanted: Output
    verdicts: frozenset[Verdict] = frozenset()
    skipped: str = ""
