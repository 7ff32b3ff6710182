"""What the compiler did, step by step."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from waf_builder.crs.compile.model import Change, Changed
from waf_builder.problem import Place


@dataclass(frozen=True)
class Step:
    """What one step did to one rule, marker or directive.

    number: the rule's; None for what has none. removed: whether it is not loaded any more.
    """

    step: str
    number: int | None
    name: str
    place: Place
    removed: bool
    why: str


@dataclass(frozen=True)
class Manifest:
    """All of it, in the order of the rule set's files and lines.

    rules: how many the rule set has, and how many of them are loaded.
    """

    version: str
    rules: int
    loaded: int
    steps: tuple[Step, ...]

    def counts(self) -> Counter[str]:
        """Return how many rules, markers and directives each step took away or changed."""
        return Counter(step.step for step in self.steps)

    def as_json(self) -> str:
        """Return the text of `crs.json`: one line a rule."""
        lines = []
        for step in self.steps:
            what = {
                "file": step.place.file.rpartition("/")[2],
                "line": step.place.line,
                "id": step.number,
                "step": step.step,
                "loaded": not step.removed,
                "why": step.why,
            }
            lines.append("    " + json.dumps(what, ensure_ascii=False))
        head = json.dumps({"crs": self.version, "rules": self.rules, "loaded": self.loaded})
        return f'{head[:-1]}, "changes": [\n' + ",\n".join(lines) + "\n]}\n"


def steps(name: str, changes: Iterable[Change]) -> list[Step]:
    """Return what a step did, for the manifest."""
    found = []
    for change in changes:
        removed = not isinstance(change, Changed)
        entry = change.subject
        number = entry.id if entry.is_rule else None
        found.append(Step(name, number, entry.head.name, entry.place, removed, change.why))
    return found
