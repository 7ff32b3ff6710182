"""The lint of rule files: what libmodsecurity refuses, and what it takes without doing it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from waf_builder.problem import Place, Problem
from waf_builder.seclang.document import Document, read
from waf_builder.seclang.lint.actions import check_actions
from waf_builder.seclang.lint.directives import check_directive
from waf_builder.seclang.lint.exclusions import check_exclusions
from waf_builder.seclang.lint.operators import check_operator
from waf_builder.seclang.lint.rules import (
    check_chain,
    check_reserved,
    check_skips,
    markers_in,
)
from waf_builder.seclang.lint.variables import check_variables
from waf_builder.seclang.lint.words import Setting
from waf_builder.seclang.rule import DEFINES

_RENDERED = "modsecurity"
_PLUGINS = "plugins"
_USERS = frozenset({"before-crs", "after-crs", _PLUGINS})
_ROUTES = "routes"


def lint(
    texts: Mapping[str, str],
    known_ids: Iterable[int] | None = None,
    *,
    ours: Collection[str] | None = None,
    modsecurity: Sequence[int] | None = None,
) -> list[Problem]:
    """Return every problem of some rule files, in the order in which they are loaded.

    texts: shown path to SecLang text, in load order. Files of a folder `routes` are loaded one
        for each location: two of them may use the same rule id.
    known_ids: ids of the rules that are loaded besides, the Core Rule Set's. None or empty: not
        known, then a removal of an unknown rule is no problem.
    ours: the paths that are not the user's own: they may use reserved ids and set the engine up.
        None: those in a rendered `modsecurity/`, but not in its `before-crs/` and `after-crs/`.
    modsecurity: libmodsecurity's version as numbers, if known: words that it does not have yet
        are problems.
    """
    documents = [read(text, file) for file, text in texts.items()]
    others = frozenset(known_ids or ())
    known = others and others.union(*(dict(_ids(document)) for document in documents))
    markers = {name for document in documents for name in markers_in(document)}
    found: list[Problem] = []
    for document in documents:
        file = document.source.file
        setting = Setting(_is_ours(file) if ours is None else file in ours, modsecurity)
        problems = [*document.problems, *check_skips(document, markers)]
        # A plugin names rules of several releases, of which only one is here.
        problems += _each(document, setting, () if _is_plugin(file) else known)
        found += sorted(problems, key=lambda problem: problem.place or Place(""))
    return [*found, *_duplicate_ids(documents, others), *_duplicate_defaults(documents)]


def _each(document: Document, setting: Setting, known: Collection[int]) -> Iterator[Problem]:
    for directive in document.directives:
        yield from check_directive(directive, setting)
        yield from check_variables(directive, setting)
        yield from check_operator(directive, setting)
        yield from check_actions(directive, setting)
        yield from check_exclusions(directive, setting, known)
        if not setting.ours:
            yield from check_reserved(directive)
    for chain in document.chains:
        yield from check_chain(chain)


def _is_ours(file: str) -> bool:
    folders = PurePosixPath(file).parts[:-1]
    return _RENDERED in folders and _USERS.isdisjoint(folders)


def _is_plugin(file: str) -> bool:
    return PurePosixPath(file).parts[:2] == (_RENDERED, _PLUGINS)


def _level(file: str) -> str:
    """Return what a file's rules must not repeat: a route's file stands for itself."""
    return file if _ROUTES in PurePosixPath(file).parts[:-1] else ""


def _ids(document: Document) -> Iterator[tuple[int, int]]:
    """Yield the number of each rule of a document and the offset where it is given."""
    for directive in document.directives:
        rule = directive.rule
        if directive.key in DEFINES and rule and (number := rule.id) is not None:
            yield number, next(a.span.start for a in rule.actions if a.key == "id")


def _duplicate_ids(documents: Sequence[Document], others: Collection[int]) -> Iterator[Problem]:
    seen: dict[tuple[str, int], Place] = {}
    for document in documents:
        level = _level(document.source.file)
        for number, offset in _ids(document):
            first = seen.get((level, number)) or seen.get(("", number))
            if first or number in others:
                where = f"at {first}" if first else "by the Core Rule Set"
                yield document.source.problem(
                    "duplicate-id",
                    f"rule id {number} is already in use {where}",
                    offset,
                    "libmodsecurity refuses the second rule; take another number.",
                )
            seen.setdefault((level, number), document.source.place(offset))


def _duplicate_defaults(documents: Sequence[Document]) -> Iterator[Problem]:
    seen: dict[tuple[str, str], Place] = {}
    for document in documents:
        level = _level(document.source.file)
        for directive in document.directives:
            if directive.key != "secdefaultaction" or directive.rule is None:
                continue
            phase = directive.rule.value("phase") or "1"
            if (level, phase) in seen:
                yield document.source.problem(
                    "duplicate-default",
                    f"phase {phase} has its SecDefaultAction already, at {seen[level, phase]}",
                    directive.span.start,
                    "libmodsecurity refuses a second one; say it in the rules themselves.",
                )
            seen.setdefault((level, phase), directive.place)
