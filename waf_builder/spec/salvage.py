"""What can still be said of a spec in which single values are wrong.

People mend everything in one go when they are told everything at once, so a wrong word in one
place must not hide a limit that is exceeded in another.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from waf_builder.problem import Place, Problem, Severity
from waf_builder.spec.model import Spec
from waf_builder.spec.validate import Locator, validate
from waf_builder.spec.yaml import Path


def problems_elsewhere(
    data: Any, wrong: Sequence[Path], at: Locator, today: dt.date
) -> list[Problem]:
    """Return the errors of how the rest of a spec fits together.

    data: the spec as it was read. wrong: the ways to the values that are no good. What stands
    beside a wrong value is left out, since it may only seem wrong without it; so are warnings.
    """
    rest = _copy(data)
    for path in wrong:
        _remove(rest, path)
    try:
        spec = Spec.model_validate(rest)
    except ValidationError:
        return []
    blind = [path[:-1] or path for path in wrong]
    seen: dict[Place, Path] = {}

    def locate(path: Path) -> Place:
        place = at(path)
        seen[place] = path
        return place

    return [
        problem
        for problem in validate(spec, locate, today)
        if problem.severity is Severity.ERROR
        and problem.place is not None
        and not any(_related(seen[problem.place], path) for path in blind)
    ]


def _copy(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _copy(value) for key, value in data.items()}
    return [_copy(item) for item in data] if isinstance(data, list) else data


def _remove(data: Any, path: Path) -> None:
    """Take the value out of data: the key of the innermost mapping on the way to it."""
    holder, key = None, path[0] if path else None
    for part in path:
        if isinstance(data, dict):
            holder, key = data, part
        try:
            data = data[part]
        except (KeyError, TypeError):  # pydantic adds words of its own to a path: "[key]"
            break
    if holder is not None:
        holder.pop(key, None)


def _related(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
