"""What a user adds beside the spec: `waf/rules/`, `waf/templates/`, and the spec's error page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from waf_builder.config.model import PluginRules
from waf_builder.errors import ProblemsError
from waf_builder.paths import builtin_templates
from waf_builder.problem import Place, Problem, did_you_mean
from waf_builder.render.errorpage import read_page
from waf_builder.render.publish import STAMP
from waf_builder.userfile import read_user_text, require_file

if TYPE_CHECKING:
    from waf_builder.plugins.find import Found

FOLDER = "waf"
"""Beside the spec."""

_PARTS = ("rules", "templates", "plugins")
_NAMED = f"{', '.join(_PARTS[:-1])} and {_PARTS[-1]}"
PAGE_TEMPLATE = "errors/page.html.j2"
PHASES = ("before-crs", "after-crs")
_RULE_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(conf|data)")


@dataclass(frozen=True)
class Overrides:
    """The user's own rules and templates, and the plugins' rules.

    rules: path below the rendered tree -> text. sources: the same path -> where it came from.
    templates: the folder whose templates shadow the built-in ones, if there is one.
    plugins: which of the rules are loaded as plugins, and when.
    page: the text of the error page that the spec names. warnings: what is odd about it.
    """

    rules: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Path] = field(default_factory=dict)
    templates: Path | None = None
    plugins: PluginRules = field(default_factory=PluginRules)
    page: str | None = None
    warnings: tuple[Problem, ...] = ()

    def with_plugins(self, found: Found) -> Overrides:
        """Return these and the files of plugins."""
        return replace(
            self,
            rules={**self.rules, **found.rules},
            sources={**self.sources, **found.sources},
            plugins=found.plugins,
        )

    def included(self, phase: str) -> list[str]:
        """Return the rule files of a phase as `modsecurity/main.conf` includes them."""
        prefix = f"modsecurity/{phase}/"
        return [
            name.removeprefix("modsecurity/")
            for name in sorted(self.rules)
            if name.startswith(prefix) and name.endswith(".conf")
        ]


def find_overrides(beside: Path, page: str | None = None, at: Place | None = None) -> Overrides:
    """Return what stands in `waf/` in the folder of a spec, and the error page that it names.

    page: relative to the folder. at: where the spec names it.
    Raises ProblemsError for a file that would do nothing: nothing is ignored silently.
    """
    text, warnings = read_page(beside, page, at) if page else (None, [])
    found = replace(_in_waf(beside / FOLDER), page=text, warnings=tuple(warnings))
    if page and found.templates and (found.templates / PAGE_TEMPLATE).exists():
        raise ProblemsError(
            [
                Problem(
                    "override.page-twice",
                    f"{PAGE_TEMPLATE} is used by nothing: errors.page of the spec is the page",
                    Place(str(found.templates / PAGE_TEMPLATE)),
                    "Remove one of the two.",
                )
            ]
        )
    return found


def _in_waf(root: Path) -> Overrides:
    if (root / STAMP).is_file():  # a tree that was published under this name
        return Overrides()
    problems = _strangers(root)
    rules, sources = _rules(root, problems)
    templates = root / "templates"
    if templates.is_dir():
        problems += _unknown_templates(templates)
    if problems:
        raise ProblemsError(problems)
    return Overrides(rules, sources, templates if templates.is_dir() else None)


def _strangers(root: Path) -> list[Problem]:
    if not root.is_dir():
        return []
    return [
        Problem(
            "override.stray-file",
            f"{path.name!r} is used by nothing, expected the folders {_NAMED}",
            Place(str(path)),
            "" if path.name in _PARTS else did_you_mean(path.name, _PARTS),
        )
        for path in sorted(root.iterdir())
        if path.name not in _PARTS or not path.is_dir()
    ]


def _rules(root: Path, problems: list[Problem]) -> tuple[dict[str, str], dict[str, Path]]:
    rules: dict[str, str] = {}
    sources: dict[str, Path] = {}
    folder = root / "rules"
    for path in _files(folder, ".conf"):
        phase, name = path.parent.relative_to(folder).as_posix(), path.name
        if phase not in PHASES or not _RULE_FILE.fullmatch(name):
            problems.append(_stray(path, phase))
            continue
        inside = f"modsecurity/{phase}/{name}"
        try:
            rules[inside] = read_user_text(path)
        except UnicodeDecodeError:
            problems.append(
                Problem("override.not-text", "this rule file is not UTF-8 text", Place(str(path)))
            )
        sources[inside] = path
    return rules, sources


def _files(folder: Path, suffix: str) -> list[Path]:
    """Return what stands below folder: all but the folders that only hold others."""
    return sorted(
        path
        for path in (folder.rglob("*") if folder.is_dir() else ())
        if not path.is_dir() or path.is_symlink() or path.suffix == suffix
    )


def _stray(path: Path, phase: str) -> Problem:
    if phase not in PHASES:
        message = "this file is loaded by nothing"
        hint = "Rules stand in waf/rules/before-crs/ or waf/rules/after-crs/."
    else:
        message = f"{path.name!r} is loaded by nothing, expected NAME.conf or NAME.data"
        hint = "Names have letters, digits, dots, hyphens and underscores."
    return Problem("override.stray-rule", message, Place(str(path)), hint)


def _unknown_templates(folder: Path) -> list[Problem]:
    known = builtin_names()
    problems = []
    for path in _files(folder, ".j2"):
        name = path.relative_to(folder).as_posix()
        if name in known:
            require_file(path)
            continue
        problems.append(
            Problem(
                "override.unknown-template",
                f"{name!r} overrides no built-in template",
                Place(str(path)),
                did_you_mean(name, known) or "`waf-builder templates list` shows them.",
            )
        )
    return problems


def builtin_names() -> list[str]:
    """Return the names of the built-in templates."""
    root = builtin_templates()
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*.j2"))
