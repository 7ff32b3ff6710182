from __future__ import annotations

import re
from pathlib import Path

import pytest
from cases import Case, cases
from support.cases import for_each

import waf_builder
from waf_builder.check.seclang import lint

_CODE = re.compile(r"(?:problem|_report)\(\s*\"([a-z-]+)\"")
_KIND = re.compile(r"unknown\((?:\s*[a-z._]+,){2,3}\s*\"([a-z]+)\"")
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


@for_each("case", cases("seclang"), ids=lambda case: case.name)
def test_case(case: Case):
    assert lint_case(case.given) in case.expected


OFF = "SecRuleEngine Off\n"


@pytest.mark.parametrize(
    ("file", "codes"),
    [
        ("own.conf", ["seclang.engine-mode"]),
        ("waf/rules/after-crs/own.conf", ["seclang.engine-mode"]),
        ("modsecurity/before-crs/own.conf", ["seclang.engine-mode"]),
        ("modsecurity/engine.conf", []),
        ("modsecurity/routes/api.conf", []),
    ],
)
def test_who_wrote_a_file_is_seen_from_its_folder(file: str, codes: list[str]):
    assert [problem.code for problem in lint({file: OFF})] == codes


def test_who_wrote_a_file_can_be_said():
    texts = {"own.conf": OFF, "modsecurity/engine.conf": OFF}

    (problem,) = lint(texts, ours=["own.conf"])

    assert str(problem.place) == "modsecurity/engine.conf:1:1"


@pytest.mark.parametrize("known", [None, []])
def test_without_known_ids_any_rule_may_be_removed(known: list[int] | None):
    assert lint({"own.conf": "SecRuleRemoveById 942100\n"}, known) == []


def test_windows_line_ends_behind_a_tag():
    # Not in a text file: git and editors would change it.
    (problem,) = lint({"own.conf": "SecRuleRemoveByTag attack-sqli\r\n"})

    assert problem.render() == (
        "own.conf:1:20: error: libmodsecurity takes the Windows line end for a part of the tag"
        " [seclang.line-end]\n"
        "    It removes nothing. Put the tag in double quotes, or save the file with Unix line"
        " ends."
    )


def test_every_code_has_a_case():
    package = Path(waf_builder.__file__).parent
    sources = [*package.glob("seclang/**/*.py"), package / "check" / "seclang.py"]
    codes = {code for file in sources for code in _CODE.findall(file.read_text(encoding="utf-8"))}
    codes |= {f"unknown-{kind}" for file in sources for kind in _KIND.findall(file.read_text())}
    folder = Path(__file__).parent
    shown = "".join(
        file.read_text(encoding="utf-8") for file in [Path(__file__), *folder.glob("seclang/*.txt")]
    )

    assert len(codes) > 40
    assert {code for code in codes if f"[seclang.{code}]" not in shown} == set()


def test_windows_line_ends_are_no_problem():
    text = 'SecRule ARGS "@rx x" \\\r\n    "id:1,\\\r\n    phase:2"\r\nSecRuleRemoveById 1\r\n'

    assert lint({"own.conf": text}) == []
