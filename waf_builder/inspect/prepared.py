"""What it takes to ask the rules of a spec in this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from waf_builder.inspect.inprocess import LibraryJudge
from waf_builder.inspect.library import Library
from waf_builder.inspect.routing import Routing, from_json
from waf_builder.problem import Place, Problem, Severity


@dataclass(frozen=True)
class Prepared:
    """The rules of a spec, rendered, and where requests go.

    files: the rules, as in `Library`; rule_set: where they do not bring the rule set along.
    depends_on: what is looked at again before this is used another time. sources: files of the
    user's, by what they are called in the tree.
    """

    routing: Routing
    files: dict[str, str]
    unicode_map: str
    rule_set: Path | None
    problems: tuple[Problem, ...]
    depends_on: tuple[Path, ...]
    sources: dict[str, str] = field(default_factory=dict)

    def judge(self) -> LibraryJudge:
        """Return the judge of these rules; it is to be entered."""
        library = Library(self.files, self.unicode_map, self.rule_set, self.sources)
        return LibraryJudge(self.routing, library)

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return {
            "routing": self.routing.as_json(),
            "files": self.files,
            "unicode_map": self.unicode_map,
            "rule_set": str(self.rule_set) if self.rule_set else None,
            "problems": [
                {**asdict(problem), "severity": problem.severity.value} for problem in self.problems
            ],
            "depends_on": [str(path) for path in self.depends_on],
            "sources": self.sources,
        }


def prepared_from(data: Mapping[str, Any]) -> Prepared:
    """Return what `Prepared.as_json` was made of; ValueError and its like for anything else."""
    return Prepared(
        from_json(data["routing"]),
        {str(name): str(text) for name, text in data["files"].items()},
        str(data["unicode_map"]),
        Path(data["rule_set"]) if data["rule_set"] else None,
        tuple(_problem(one) for one in data["problems"]),
        tuple(map(Path, data["depends_on"])),
        {str(name): str(file) for name, file in data["sources"].items()},
    )


def _problem(data: Mapping[str, Any]) -> Problem:
    place = Place(**data["place"]) if data["place"] else None
    return Problem(**{**data, "place": place, "severity": Severity(data["severity"])})
