"""Golden cases: a spec, and the whole tree or every problem that comes of it.

golden/<case>/ has a backend.yaml, perhaps waf/ beside it, a file `target`, and the tree in
expected/. golden_errors/<case>.txt has a spec, a line of dashes, and the problems as people see
them. `pytest --update-golden` writes what is expected anew.
"""

from __future__ import annotations

import ast
import datetime as dt
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from specs import OLD, RULES
from support.cases import for_each

import waf_builder
from waf_builder.check.tree import check_tree
from waf_builder.config.build import NEWEST, build
from waf_builder.config.model import Config, Target
from waf_builder.crs.rules import RuleIndex
from waf_builder.errors import ProblemsError
from waf_builder.plugins.find import Places, find_plugins
from waf_builder.problem import Problem, errors_in
from waf_builder.render.overrides import Overrides, find_overrides
from waf_builder.render.publish import STAMP, stamp, write_tree
from waf_builder.render.render import Tree, render
from waf_builder.spec import yaml
from waf_builder.spec.load import load, loads

FOLDER = Path(__file__).parent
TREES = sorted((FOLDER / "golden").iterdir())
ERRORS = sorted((FOLDER / "golden_errors").glob("*.txt"))
PAGES_IN = FOLDER / "golden" / "smallest-new" / "expected" / "errors"
"""Error pages depend on no spec, so one case holds them for all."""

TARGETS = {"old": OLD, "newest": NEWEST}
_CUT = re.compile(r"^-{10}\n", re.MULTILINE)
_SETTING = re.compile(r"^# (environment|target|today|rules): (.*)$", re.MULTILINE)
LONG_AGO = dt.date(2000, 1, 1)
"""What day it is where a case does not say, so that none changes with the calendar."""


@dataclass(frozen=True)
class ErrorCase:
    """A spec, the problems expected, and what its comments say of what it is read in.

    rules: those that exclusions are looked up in; `none` when there are none here.
    """

    text: str
    expected: str
    target: Target = NEWEST
    environ: Mapping[str, str] = field(default_factory=dict)
    today: dt.date = LONG_AGO
    rules: RuleIndex | None = RULES

    def problems(self) -> list[Problem]:
        spec, problems = loads(self.text, "backend.yaml", self.environ, self.today)
        if spec is not None and not errors_in(problems):
            try:
                at = yaml.read(self.text, "backend.yaml").place
                problems += build(spec, self.target, at=at, index=self.rules).warnings
            except ProblemsError as error:
                problems += error.problems
        return problems


def read_case(file: Path) -> ErrorCase:
    text, *rest = _CUT.split(file.read_text(encoding="utf-8"))
    settings = dict(_SETTING.findall(text))
    environ = dict(word.split("=", 1) for word in settings.get("environment", "").split())
    target = TARGETS[settings.get("target", "newest")]
    today = dt.date.fromisoformat(settings.get("today", str(LONG_AGO)))
    rules = None if settings.get("rules") == "none" else RULES
    return ErrorCase(text, "".join(rest), target, environ, today, rules)


@for_each("file", ERRORS, ids=lambda file: file.stem)
def test_problems(file: Path, update_golden: bool):
    case = read_case(file)
    problems = case.problems()
    rendered = "".join(f"{problem.render()}\n" for problem in problems)
    if update_golden:
        file.write_text(f"{case.text}{'-' * 10}\n{rendered}", encoding="utf-8")
    else:
        assert rendered == case.expected
    assert problems, "an error case without a problem"


@for_each("file", ERRORS, ids=lambda file: file.stem)
def test_problems_come_in_the_order_of_the_file(file: Path):
    spec_problems = [found.place for found in read_case(file).problems() if found.place]

    assert spec_problems == sorted(spec_problems)


@for_each("file", ERRORS, ids=lambda file: file.stem)
def test_messages_have_one_form(file: Path):
    for problem in read_case(file).problems():
        assert "\n" not in problem.message
        assert not problem.message.endswith((".", "!", ":"))
        if problem.code != "yaml.word":
            python = r"\b(None|True|False|Deferred|FromEnvironment)\b|object at 0x"
            assert not re.search(python, problem.message)
        assert problem.hint.endswith((".", "?")) or not problem.hint


def test_the_json_form_of_a_problem():
    case = read_case(FOLDER / "golden_errors" / "port_quoted.txt")

    (problem,) = case.problems()

    assert problem.as_json() == {
        "code": "spec.port-quoted",
        "severity": "error",
        "message": "backend.port: '3000' is quoted, expected a number: 3000",
        "hint": "",
        "file": "backend.yaml",
        "line": 3,
        "column": 9,
    }


@for_each("file", ERRORS, ids=lambda file: file.stem)
def test_every_key_is_always_in_the_json_form(file: Path):
    kinds = {
        "code": str,
        "severity": str,
        "message": str,
        "hint": str,
        "file": str,
        "line": int,
        "column": int,
    }
    for problem in read_case(file).problems():
        form = problem.as_json()
        assert {key: type(value) for key, value in form.items()} == kinds


_CODE = re.compile(
    r"(?:yaml|spec|config|override|plugin|render|check|engine|nginx|security|seclang|run)"
    r"\.[a-z0-9]+(?:-[a-z0-9]+)*"
)
_MADE_UP = {
    "spec.app-id",
    "spec.app-id-case",
    "spec.app-id-prefix",
    "spec.network-id",
    "spec.network-id-case",
    "spec.network-id-prefix",
    "config.balance-needs-resolve",
    "config.sticky-needs-resolve",
}
"""Codes that the source puts together from parts."""
_NO_CODES = {"nginx.conf", "nginx.pid"}


def codes_in_source() -> set[str]:
    """Return every problem code in the package."""
    words = {
        node.value
        for file in Path(waf_builder.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {word for word in words if _CODE.fullmatch(word)} - _NO_CODES | _MADE_UP


def test_every_code_of_a_spec_has_a_golden_error_case():
    golden = "".join(file.read_text(encoding="utf-8") for file in ERRORS)
    wanted = {code for code in codes_in_source() if code.startswith(("yaml.", "spec.", "config."))}

    assert len(wanted) > 60
    assert {code for code in wanted if f"[{code}]" not in golden} == set()


def test_every_code_is_named_by_a_test():
    files = [file for file in FOLDER.rglob("*") if file.suffix in {".py", ".txt"}]
    tests = "".join(file.read_text(encoding="utf-8") for file in files)

    assert {code for code in codes_in_source() if code not in tests} == set()


def render_case(case: Path) -> tuple[Config, Overrides, Tree]:
    """Render a case as `pipeline.render_spec` does, for the case's target."""
    loaded = load(case / "backend.yaml", _environment(case), LONG_AGO)
    assert loaded.warnings == ()
    target = TARGETS[(case / "target").read_text(encoding="utf-8").strip()]
    places = Places(case, None, case / "kept", download=False)
    found = find_plugins(loaded.spec.waf.plugins, target, places)
    overrides = find_overrides(case, loaded.spec.errors.page).with_plugins(found)
    config = build(
        loaded.spec,
        target,
        index=RULES,
        rules_before_crs=overrides.included("before-crs"),
        rules_after_crs=overrides.included("after-crs"),
        plugins=overrides.plugins,
    )
    return config, overrides, render(config, overrides)


def _environment(case: Path) -> dict[str, str]:
    file = case / "environment"
    lines = file.read_text(encoding="utf-8").split() if file.exists() else []
    return dict(line.split("=", 1) for line in lines)


def _read(folder: Path) -> Tree:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _pages(tree: Tree) -> Tree:
    return {name: text for name, text in tree.items() if name.startswith("errors/")}


@for_each("case", TREES, ids=lambda case: case.name)
def test_tree(case: Path, update_golden: bool):
    _, _, tree = render_case(case)
    expected = case / "expected"
    pages = {} if PAGES_IN.is_relative_to(case) else _pages(tree)
    whole = {name: text for name, text in tree.items() if name not in pages}
    if update_golden:
        shutil.rmtree(expected, ignore_errors=True)
        write_tree(whole, expected)
    assert whole == _read(expected)


@pytest.mark.parametrize("case", TREES, ids=lambda case: case.name)
def test_error_pages_depend_on_no_spec(case: Path):
    _, overrides, tree = render_case(case)

    if overrides.templates is None and overrides.page is None:
        assert _pages(tree) == {f"errors/{name}": text for name, text in _read(PAGES_IN).items()}


@pytest.mark.parametrize("case", TREES, ids=lambda case: case.name)
def test_tree_passes_every_check_that_needs_no_engine(case: Path, tmp_path: Path):
    config, _, tree = render_case(case)
    write_tree({**tree, STAMP: stamp(config, tree)}, tmp_path)

    assert [problem.render() for problem in check_tree(tmp_path, engine=None)] == []


@pytest.mark.parametrize("case", TREES, ids=lambda case: case.name)
def test_no_rule_id_is_used_twice_at_one_location(case: Path):
    """libmodsecurity refuses that, and a rule that only the brake puts in force counts too."""
    _, _, tree = render_case(case)
    ids = {
        name: re.findall(r"\bid:'?(\d+)", text)
        for name, text in tree.items()
        if name.startswith("modsecurity/") or name == "boot/brake-rules.conf"
    }
    everywhere = [one for name in ids if "/routes/" not in name for one in ids[name]]

    assert "90010" in everywhere
    for name in ["", *(name for name in ids if "/routes/" in name)]:
        together = everywhere + ids.get(name, [])
        assert len(together) == len(set(together)), sorted(together)


@pytest.mark.nginx
@pytest.mark.parametrize("brake", ["#", ""], ids=["as rendered", "braked"])
@pytest.mark.parametrize("case", TREES, ids=lambda case: case.name)
def test_a_real_engine_takes_it(
    case: Path, brake: str, tmp_path: Path, request: pytest.FixtureRequest
):
    config, _, tree = render_case(case)
    engine = request.getfixturevalue("engine_old" if config.target == OLD else "engine_new")
    for name in ("boot/brake.conf", "boot/brake-rules.conf"):
        assert "@BRAKE@" in tree[name]
        tree[name] = tree[name].replace("@BRAKE@", brake)
    write_tree({**tree, STAMP: stamp(config, tree)}, tmp_path)

    problems = check_tree(tmp_path, engine=engine)
    if engine.crs.version != config.target.crs:  # it has other rules than those that are left out
        problems = [one for one in problems if one.code != "seclang.unknown-rule"]
    assert [problem.render() for problem in problems] == []


@pytest.mark.parametrize("case", TREES, ids=lambda case: case.name)
def test_rendering_is_deterministic(case: Path):
    assert render_case(case) == render_case(case)
