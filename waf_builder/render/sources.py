"""Which file of the user's a problem of a rendered tree comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from waf_builder.problem import Place, Problem
from waf_builder.render.overrides import Overrides
from waf_builder.userfile import read_user_text


def at_sources(
    problems: Iterable[Problem], overrides: Overrides, tree: Mapping[str, str]
) -> list[Problem]:
    """Return problems with the user's files where they name those of a rendered tree.

    A line that a template override prints as it stands there is placed in the override; of other
    lines of the tree, which nobody sees until it is published, the hint has the text.
    """
    named = _with_rule_files(problems, overrides)
    if overrides.templates is None:
        return named
    written = _template_lines(overrides)
    return [_at_template(problem, written, tree) for problem in named]


def _with_rule_files(problems: Iterable[Problem], overrides: Overrides) -> list[Problem]:
    sources = {name: str(path) for name, path in overrides.sources.items()}
    if not sources:
        return list(problems)
    # The longest first: one name may be the beginning of another.
    names = "|".join(re.escape(name) for name in sorted(sources, key=len, reverse=True))
    mention = re.compile(names)

    def told(problem: Problem) -> Problem:
        place = problem.place
        if place and place.file in sources:
            place = replace(place, file=sources[place.file])
        message = mention.sub(lambda found: sources[found[0]], problem.message)
        return replace(problem, message=message, place=place)

    return [told(problem) for problem in problems]


def _template_lines(overrides: Overrides) -> dict[str, list[Place]]:
    """Return each line of the template overrides, and where it stands."""
    found: dict[str, list[Place]] = {}
    for path in sorted(overrides.templates.rglob("*.j2")) if overrides.templates else ():
        for number, line in enumerate(read_user_text(path).splitlines(), 1):
            found.setdefault(line.strip(), []).append(Place(str(path), number))
    return found


def _at_template(
    problem: Problem, written: Mapping[str, list[Place]], tree: Mapping[str, str]
) -> Problem:
    place = problem.place
    if place is None or not place.line or place.file not in tree:
        return problem
    line = tree[place.file].splitlines()[place.line - 1].strip()
    at = written.get(line, []) if line else []
    if len(at) == 1:
        return replace(problem, place=at[0])
    return replace(problem, hint=f"{problem.hint}\nThe line is: {line}".strip())
