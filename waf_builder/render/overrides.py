"""What a user adds beside the spec: `waf/rules/` and `waf/templates/`."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.paths import builtin_templates
from waf_builder.problem import Place, Problem, did_you_mean
from waf_builder.render.publish import STAMP

FOLDER = "waf"
"""Beside the spec."""

_PARTS = ("rules", "templates")
PHASES = ("before-crs", "after-crs")
_RULE_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(conf|data)")
MAX_BYTES = 16 * 1024**2
"""Of one file; the whole Core Rule Set has 2 MB. More than this is a mistake."""


@dataclass(frozen=True)
class Overrides:
    """The user's own rules and templates.

    rules: path below the rendered tree -> text. sources: the same path -> where it came from.
    templates: the folder whose templates shadow the built-in ones, if there is one.
    """

    rules: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Path] = field(default_factory=dict)
    templates: Path | None = None

    def included(self, phase: str) -> list[str]:
        """Return the rule files of a phase as `modsecurity/main.conf` includes them."""
        prefix = f"modsecurity/{phase}/"
        return [
            name.removeprefix("modsecurity/")
            for name in sorted(self.rules)
            if name.startswith(prefix) and name.endswith(".conf")
        ]


def find_overrides(beside: Path) -> Overrides:
    """Return what stands in `waf/` in the folder of a spec.

    Raises ProblemsError for a file there that would do nothing: nothing is ignored silently.
    """
    root = beside / FOLDER
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
            f"{path.name!r} is used by nothing, expected the folders {' and '.join(_PARTS)}",
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
            _require_file(path)
            rules[inside] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            problems.append(
                Problem("override.not-text", "this rule file is not UTF-8 text", Place(str(path)))
            )
        except OSError as error:
            raise WafBuilderError(f"{path} cannot be read: {error.strerror}") from None
        sources[inside] = path
    return rules, sources


def _files(folder: Path, suffix: str) -> list[Path]:
    """Return what stands below folder: all but the folders that only hold others."""
    return sorted(
        path
        for path in (folder.rglob("*") if folder.is_dir() else ())
        if not path.is_dir() or path.is_symlink() or path.suffix == suffix
    )


def _require_file(path: Path) -> None:
    """Raise WafBuilderError for a pipe or a device, which may never end, and for a huge file."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise WafBuilderError(f"{path} is not a regular file")
    if found.st_size > MAX_BYTES:
        raise WafBuilderError(f"{path} has more than {MAX_BYTES:,} bytes; no rules need as many")


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
            _require_file(path)
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
