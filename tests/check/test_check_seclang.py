from __future__ import annotations

import re

import pytest
from cases import Case, cases

from waf_builder.check.seclang import lint

_HEADER = re.compile(r"^=== (.*)\n", re.MULTILINE)


def lint_case(given: str) -> str:
    """Return what lint prints for `=== PATH`, `=== known-ids 1 2` and `=== modsecurity 3.0.9`."""
    _, *sections = _HEADER.split(given if given.startswith("===") else f"=== rules.conf\n{given}")
    texts, known, version = {}, [], None
    for header, text in zip(sections[::2], sections[1::2], strict=True):
        word, *values = header.split()
        if word == "known-ids":
            known = [int(value) for value in values]
        elif word == "modsecurity":
            version = [int(value) for value in values[0].split(".")]
        else:
            texts[header] = text
    problems = lint(texts, known, modsecurity=version)
    return "".join(f"{problem.render()}\n" for problem in problems)


@pytest.mark.parametrize("case", cases("seclang"), ids=lambda case: case.name)
def test_case(case: Case):
    assert lint_case(case.given) in case.expected
