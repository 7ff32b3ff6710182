"""Known holes in an nginx configuration, by gixy-ng (https://github.com/dvershinin/gixy)."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path
from typing import Any, Final, NamedTuple

from gixy.core import severity as levels
from gixy.core.config import Config
from gixy.core.exceptions import InvalidConfiguration
from gixy.core.manager import Manager
from gixy.core.sre_parse.sre_constants import error as UnknownRegexError  # noqa: N812
from gixy.directives.block import Block

from waf_builder.check.syntax import MAIN_FILE, known_directives
from waf_builder.problem import Place, Problem, Severity

# Without a handler of its own, what gixy logs would appear on the user's screen.
logging.getLogger("gixy").addHandler(logging.NullHandler())

_SEVERITIES: Final = {
    levels.HIGH: Severity.ERROR,
    levels.MEDIUM: Severity.WARNING,
    levels.LOW: Severity.NOTE,
    levels.UNSPECIFIED: Severity.NOTE,
}
_INDEX_FROM = 32
"""Blocks with fewer lines are searched as fast without an index."""


class Allowed(NamedTuple):
    """A finding that is wrong for a WAF in a container, and why.

    where: matches `FILE: DIRECTIVE;` as it was found; None for all of them.
    """

    plugin: str
    why: str
    where: re.Pattern[str] | None = None


ALLOWED: Final[tuple[Allowed, ...]] = (
    Allowed(
        "worker_rlimit_nofile_vs_connections",
        "nginx runs without privileges in a container and cannot raise the limit of open files"
        " that the platform sets (setrlimit(2)); trying only adds an alert to the log.",
    ),
    Allowed(
        "default_server_flag",
        "All servers include the one listen line that is filled in at boot, so none can have a"
        " flag of its own; the first server of nginx.conf is the default.",
        re.compile(r"^runtime/listen\.conf: "),
    ),
    Allowed(
        "try_files_is_evil_too",
        "A gate goes on to the location behind it by asking for a file that cannot exist: one"
        " stat(2), and nothing that a cache of open files would keep.",
        re.compile(r": try_files /dev/null/none @behind_gate_[0-9]+;$"),
    ),
)
"""What is not reported. Each needs a case tests/check/security/allowed_PLUGIN.txt that shows it."""


def check(tree: Path) -> list[Problem]:
    """Return the holes that gixy-ng finds in tree/nginx.conf and in the files it includes.

    The code of a problem is gixy's name of the check (`security.ssrf`); its severity is HIGH for
    an error, MEDIUM for a warning, LOW for a note. The syntax should be right: gixy passes over
    lines that nginx would refuse.
    """
    file = tree / MAIN_FILE
    skips = [allowed.plugin for allowed in ALLOWED if allowed.where is None]
    manager = _Manager(Config(severity=levels.LOW, skips=skips))
    # The lock of known_directives also keeps gixy's global state to one thread.
    with known_directives(), manager, file.open(encoding="utf-8", errors="replace") as text:
        try:
            manager.audit(str(file), text)
        except (InvalidConfiguration, UnknownRegexError) as error:
            # gixy reads expressions as Python 2 did: `a++` is not one for it, but is for PCRE.
            return [_unreadable(error)]
    problems = {
        _problem(plugin, issue, tree)
        for plugin in manager.results
        for issue in plugin.issues
        if not _is_allowed(plugin.name, issue, tree)
    }
    problems.update(
        _remote(found, tree) for found in manager.root.find_recursive("modsecurity_rules_remote")
    )
    return sorted(problems, key=lambda problem: (problem.place or Place(""), problem.code))


class _Manager(Manager):  # type: ignore[misc]  # gixy has no types
    """gixy's manager with fast look-ups.

    For each `proxy_pass`, gixy searches all lines of the server for `resolver`, `rewrite` and
    `upstream`: 20 seconds for 10,000 locations, 3 with an index. What is left is linear but for
    a `map` that many locations use in proxy_pass: all its entries are looked at each time.
    """

    def _audit_recursive(self, tree: list[Any]) -> None:
        if tree is self.root.children:
            _index(self.root)
        super()._audit_recursive(tree)


def _index(block: Any) -> None:
    """Make `some` and `find` of block and of the blocks in it look up instead of search."""
    for child in block.children:
        if child.is_block:
            _index(child)
    if len(block.children) < _INDEX_FROM:
        return
    by_name: dict[str, list[Any]] = {}
    for child in block.children:
        by_name.setdefault(child.name, []).append(child)

    def some(name: str, flat: bool = True) -> Any:
        return Block.some(block, name, flat) if flat else next(iter(by_name.get(name, ())), None)

    def find(name: str, flat: bool = False) -> list[Any]:
        found: list[Any] = Block.find(block, name, flat) if flat else by_name.get(name, [])
        return found[:]

    block.some = some
    block.find = find


def _is_allowed(plugin: str, issue: Any, tree: Path) -> bool:
    text = "".join(f"{_place(found, tree).file}: {found}" for found in issue.directives[:1])
    return any(
        allowed.plugin == plugin and allowed.where is not None and allowed.where.search(text)
        for allowed in ALLOWED
    )


def _problem(plugin: Any, issue: Any, tree: Path) -> Problem:
    summary = _sentence(issue.summary or plugin.summary)
    reason = _sentence(issue.reason or "")
    description = " ".join((issue.description or plugin.description).split())
    return Problem(
        f"security.{plugin.name.replace('_', '-')}",
        f"{summary}: {reason}" if reason and reason != summary else summary,
        _place(issue.directives[0], tree) if issue.directives else Place(MAIN_FILE),
        hint=f"{description}\nSee {issue.help_url or plugin.help_url}",
        severity=_SEVERITIES[issue.severity or plugin.severity],
    )


def _remote(directive: Any, tree: Path) -> Problem:
    return Problem(
        "security.rules-remote",
        "modsecurity_rules_remote fetches rules at every start",
        _place(directive, tree),
        hint="nginx does not start while that server is away, and whoever runs it decides what"
        " this WAF lets through. Keep the rules in a file below waf/rules/ instead.",
    )


def _unreadable(error: Exception) -> Problem:
    return Problem(
        "security.unreadable",
        f"gixy cannot read this configuration: {_sentence(str(error))}",
        Place(MAIN_FILE),
        hint="Known holes were not looked for.",
        severity=Severity.WARNING,
    )


def _place(directive: Any, tree: Path) -> Place:
    file = directive.file or str(tree / MAIN_FILE)
    return Place(os.path.relpath(file, tree), directive.line or 0)


def _sentence(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
