"""The house rules that a machine can check: imports point one way, templates loop and print."""

from __future__ import annotations

import ast
import dataclasses
import functools
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import meta, nodes
from support.cases import for_each

import waf_builder
from waf_builder.paths import builtin_templates
from waf_builder.render.environment import make_environment
from waf_builder.render.overrides import builtin_names

PACKAGE = Path(waf_builder.__file__).parent

LAYERS = (
    {"__init__"},
    {"choice", "collector", "ending", "problem", "paths", "progress", "version"},
    {"errors"},
    {"archive", "download", "sealed", "seclang", "userfile"},
    {"spec"},
    {"crs"},
    {"engine"},
    {"config"},
    {"lock", "plugins", "target"},
    {"render"},
    {"check"},
    {"run"},
    {"inspect"},
    {"replay", "suite"},
    {"pipeline"},
    {"explain", "judges"},
    {"deploy", "doctor", "verify"},
    {"diff"},
    {"cli"},
    {"__main__"},
)
"""A room may import what stands above it, and nothing beside or below it."""

PROGRAMS = {"check", "deploy", "engine", "run"}
"""The rooms that may start programs; deploy/ is what the buildpack's scripts hand over to."""

PRINTS = {"cli"}
"""The rooms that may print, exit, and know click."""

MODULES = sorted(PACKAGE.rglob("*.py"))
_RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}


pytestmark = pytest.mark.together  # every module is parsed once


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def name_of(file: Path) -> str:
    return file.relative_to(PACKAGE).as_posix()


@functools.cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports(file: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything a module imports, wherever in it that stands."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: a relative import"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def rooms_imported(file: Path) -> Iterator[tuple[int, str]]:
    for line, name in imports(file):
        package, _, rest = name.partition(".")
        if package == "waf_builder":
            room = rest.split(".")[0]
            yield line, room if room in _RANK else "__init__"


def test_every_room_has_its_place():
    assert {room_of(file) for file in MODULES} == set(_RANK)


@for_each("file", MODULES, ids=name_of)
def test_imports_point_one_way(file: Path):
    own = room_of(file)
    wrong = [
        f"line {line}: {own} imports {room}"
        for line, room in rooms_imported(file)
        if room != own and _RANK[room] >= _RANK[own]
    ]

    assert wrong == []


def calls(file: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of every call, as far as it is spelt out."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


_SPEAKS = re.compile(r"print|sys\.exit|exit|quit|os\._exit|sys\.std(?:out|err)\.write|input")
_STARTS = re.compile(
    r"subprocess\.\w+|os\.(?:system|popen|exec\w*|spawn\w*|fork\w*|posix_spawn\w*)|pty\.\w+"
    r"|multiprocessing\.\w+|asyncio\.create_subprocess\w*"
)


@for_each("file", [file for file in MODULES if room_of(file) not in PRINTS], ids=name_of)
def test_only_the_command_line_prints_and_exits(file: Path):
    assert [call for call in calls(file) if _SPEAKS.fullmatch(call[1])] == []
    assert [found for found in imports(file) if found[1].split(".")[0] == "click"] == []


@for_each("file", [file for file in MODULES if room_of(file) not in PROGRAMS], ids=name_of)
def test_only_some_rooms_start_programs(file: Path):
    assert [call for call in calls(file) if _STARTS.fullmatch(call[1])] == []
    assert [found for found in imports(file) if found[1].split(".")[0] == "subprocess"] == []


@for_each("file", MODULES, ids=name_of)
def test_no_program_runs_through_a_shell_or_without_a_limit(file: Path):
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("subprocess."):
            keywords = {keyword.arg for keyword in node.keywords}
            assert "shell" not in keywords, f"line {node.lineno}"
            if ast.unparse(node.func) in {"subprocess.run", "subprocess.check_output"}:
                assert "timeout" in keywords, f"line {node.lineno}: no time limit"


@for_each("file", MODULES, ids=name_of)
def test_a_module_says_what_it_is_for(file: Path):
    tree = parsed(file)
    if not tree.body:
        return
    assert ast.get_docstring(tree) or len(tree.body) == 1


# Templates

_CONTEXT = re.compile(r"^\{# context: (.+) #\}$")
_PART = re.compile(r"(?P<path>waf_builder(?:\.\w+)+)(?: as (?P<name>\w+))?|(?P<word>\w+)")


def source(name: str) -> str:
    return (builtin_templates() / name).read_text(encoding="utf-8")


def context_of(name: str) -> set[str]:
    """Return the names that a template may use, as its first line declares them."""
    declared = _CONTEXT.match(source(name).splitlines()[0])
    assert declared, f"{name}: the first line names no context"
    names: set[str] = set()
    for text in declared[1].split(", "):
        part = _PART.fullmatch(text)
        assert part, f"{name}: {text!r} is no context"
        if part["word"]:
            names.add(part["word"])
        elif part["name"]:
            names.add(part["name"])
            assert members(part["path"])
        else:
            names |= members(part["path"])
    return names


def members(path: str) -> set[str]:
    """Return the fields and properties of a class of the configuration."""
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert dataclasses.is_dataclass(found), f"{path} is no dataclass"
    properties = {key for key, value in vars(found).items() if isinstance(value, property)}
    return {field.name for field in dataclasses.fields(found)} | properties


@for_each("name", builtin_names())
def test_a_template_uses_what_its_first_line_names(name: str):
    used = meta.find_undeclared_variables(make_environment().parse(source(name)))

    assert used <= context_of(name)


@for_each("name", builtin_names())
def test_a_template_names_nothing_that_it_does_not_use(name: str):
    declared = _CONTEXT.match(source(name).splitlines()[0])[1]
    named = {part["name"] or part["word"] for part in _PART.finditer(declared)} - {None}

    assert named <= meta.find_undeclared_variables(make_environment().parse(source(name)))


_DECISIONS = (
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Pow,
    nodes.Neg,
    nodes.Concat,
    nodes.Or,
    nodes.And,
    nodes.Call,
    nodes.Assign,
    nodes.AssignBlock,
    nodes.Macro,
    nodes.CallBlock,
    nodes.Import,
    nodes.FromImport,
    nodes.Slice,
)
"""What a template may not do: values arrive ready."""

_FILTERS = {
    "nginx_quote",
    "nginx_word",
    "nginx_size",
    "nginx_time",
    "seclang_pattern",
    "seclang_target",
    "seclang_value",
    "comment",
    "join",
    "map",
    "tojson",
}
"""What formats a value or a list of them; `default` would decide one."""


@for_each("name", builtin_names())
def test_a_template_loops_and_prints(name: str):
    tree = make_environment().parse(source(name))
    decisions = [
        f"line {node.lineno}: {type(node).__name__}"
        for node in tree.find_all(_DECISIONS)
        if not _is_super(node)
    ]

    assert decisions == []
    assert {found.name for found in tree.find_all(nodes.Filter)} <= _FILTERS


def _is_super(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Call) and getattr(node.node, "name", "") == "super"


@for_each("name", builtin_names())
def test_a_template_includes_only_templates_by_their_names(name: str):
    for found in make_environment().parse(source(name)).find_all((nodes.Include, nodes.Extends)):
        assert isinstance(found.template, nodes.Const)
        assert found.template.value in builtin_names()


@for_each("name", builtin_names())
def test_no_line_ends_in_white_space(name: str):
    assert not re.search(r"[ \t]$", source(name), re.MULTILINE)
    assert source(name).endswith("\n")
