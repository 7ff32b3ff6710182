"""The tests that are known to fail, each with its reason, and what a run says about them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from conformance.run import Result
from waf_builder.engine.model import Engine
from waf_builder.version import Version

FOLDER = Path(__file__).parent / "explained"

_BOUND = re.compile(r"(<|>=)(\d+\.\d+\.\d+)")


@dataclass(frozen=True)
class Report:
    """A run's results beside what was expected of them.

    explained: the ids that failed as expected, by the reason. unexplained: the results that
    failed besides. stale: ids that are explained and passed.
    """

    passed: tuple[str, ...]
    skipped: tuple[str, ...]
    explained: dict[str, list[str]]
    unexplained: tuple[Result, ...]
    stale: tuple[str, ...]

    @property
    def failed(self) -> int:
        return len(self.unexplained) + sum(map(len, self.explained.values()))

    @property
    def as_expected(self) -> bool:
        return not self.unexplained and not self.stale


def reasons(engine: Engine) -> dict[str, str]:
    """Return why tests fail with this engine and its rules, by id."""
    assert engine.crs
    versions = {
        "nginx": engine.nginx_version,
        "modsecurity": engine.modsecurity_version,
        "crs": engine.crs.version,
    }
    file = FOLDER / f"crs-{engine.crs.version.major}.yaml"
    if not file.is_file():
        return {}
    return {
        test: " ".join(group["reason"].split())
        for group in yaml.safe_load(file.read_text(encoding="utf-8"))
        if _holds(group.get("only", {}), versions)
        for test in group["tests"]
    }


def compare(results: Sequence[Result], why: Mapping[str, str]) -> Report:
    """Sort a run's results into what was expected and what was not."""
    explained: dict[str, list[str]] = {}
    for result in results:
        if result.failed and result.id in why:
            explained.setdefault(why[result.id], []).append(result.id)
    passed = tuple(one.id for one in results if not one.failed and not one.skipped)
    return Report(
        passed,
        tuple(one.id for one in results if one.skipped),
        explained,
        tuple(one for one in results if one.failed and one.id not in why),
        tuple(name for name in passed if name in why),
    )


def _holds(only: Mapping[str, str], versions: Mapping[str, Version]) -> bool:
    for part, text in only.items():
        bound = _BOUND.fullmatch(text)
        if bound is None:
            raise ValueError(f"{part}: {text!r} is neither <X.Y.Z nor >=X.Y.Z")
        below = versions[part] < Version.parse(bound[2])
        if below != (bound[1] == "<"):
            return False
    return True
