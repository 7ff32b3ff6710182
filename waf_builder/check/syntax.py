"""nginx's syntax, by crossplane; the one module that knows crossplane's ways.

Two distributions provide the package `crossplane`: nginx's own, last released in 2022, and
`ngxparse`, gixy-ng's fork of it. This module uses what they have in common.
"""

from __future__ import annotations

import functools
import operator
import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import crossplane
from crossplane import analyzer
from crossplane.errors import (
    NgxParserDirectiveArgumentsError,
    NgxParserDirectiveContextError,
    NgxParserSyntaxError,
)

from waf_builder.check import vocabulary
from waf_builder.errors import ProblemsError
from waf_builder.problem import Place, Problem, did_you_mean

MAIN_FILE = "nginx.conf"

_CONTEXTS: dict[str, int] = {
    "main": analyzer.NGX_MAIN_CONF | analyzer.NGX_DIRECT_CONF,
    "http": analyzer.NGX_HTTP_MAIN_CONF,
    "server": analyzer.NGX_HTTP_SRV_CONF,
    "location": analyzer.NGX_HTTP_LOC_CONF,
    "location-if": analyzer.NGX_HTTP_LIF_CONF,
    "upstream": analyzer.NGX_HTTP_UPS_CONF,
}
_ARGUMENTS: dict[str, int] = {
    "on|off": analyzer.NGX_CONF_FLAG,
    "1+": analyzer.NGX_CONF_1MORE,
    "2+": analyzer.NGX_CONF_2MORE,
}
_TABLE = threading.RLock()

_UNEXPECTED_END = "unexpected end of file"
_NO_SEMICOLON = "Is the ';' missing at the end of this line? nginx then reads on in the next one."


class Statement(NamedTuple):
    """One directive as crossplane read it.

    file: as crossplane opened it; blocks: names of the blocks around it, the outermost first.
    """

    file: str
    line: int
    blocks: tuple[str, ...]
    name: str


def check(tree: Path) -> list[Problem]:
    """Return what is wrong with the syntax of tree/nginx.conf and of the files it includes.

    Directives must be known, stand where they may and take as many arguments as they can.
    Paths in the problems are relative to tree.
    """
    with known_directives():
        payload = _parse(tree / MAIN_FILE)
        problems = [_problem(error, tree) for error in payload["errors"]]
        problems += [
            _unknown(statement, tree)
            for statement in _walk(payload)
            if not _is_free_form(statement.blocks) and statement.name not in analyzer.DIRECTIVES
        ]
    return sorted(problems, key=lambda problem: problem.place or Place(MAIN_FILE))


def directives(source: str | Path) -> list[tuple[tuple[str, ...], str]]:
    """Return the shape of a configuration: each directive with the blocks it stands in, in order.

    source is the text of one file, or a tree, whose includes are followed. A line of a `map`
    and the like is `*`, whatever its value, so two configurations that differ only in values
    have equal shapes. ProblemsError when nginx could not read source as a configuration.
    """
    if isinstance(source, Path):
        return _shape(source / MAIN_FILE, source)
    with tempfile.TemporaryDirectory(prefix="waf-builder-") as folder:
        file = Path(folder) / MAIN_FILE
        file.write_text(source, encoding="utf-8")
        return _shape(file, Path(folder), single=True)


@contextmanager
def known_directives() -> Iterator[None]:
    """Let crossplane know ModSecurity's and newer nginx's directives, for this block only."""
    table: dict[str, list[int]] = analyzer.DIRECTIVES
    with _TABLE:
        before = {name: table.get(name) for name in _additions()}
        table.update({name: [*(before[name] or ()), *new] for name, new in _additions().items()})
        try:
            yield
        finally:
            for name, masks in before.items():
                if masks is None:
                    del table[name]
                else:
                    table[name] = masks


def _shape(file: Path, tree: Path, *, single: bool = False) -> list[tuple[tuple[str, ...], str]]:
    with known_directives():
        payload = _parse(file, single=single)
    if payload["errors"]:
        raise ProblemsError([_problem(error, tree) for error in payload["errors"]])
    return [(found.blocks, _name_in_shape(found)) for found in _walk(payload)]


def _name_in_shape(statement: Statement) -> str:
    is_value = _is_free_form(statement.blocks) and (
        statement.name not in vocabulary.FREE_FORM_WORDS
    )
    return "*" if is_value else statement.name


def _parse(file: Path, *, single: bool = False) -> dict[str, Any]:
    # Not strict: crossplane 0.5.8 would take the lines of a `map` for unknown directives.
    payload: dict[str, Any] = crossplane.parse(
        str(file), onerror=lambda error: error, single=single
    )
    return payload


def _walk(payload: dict[str, Any]) -> Iterator[Statement]:
    """Yield every directive in the order in which nginx reads them."""
    files = payload["config"]

    def walk(
        parsed: list[dict[str, Any]], blocks: tuple[str, ...], opened: tuple[int, ...]
    ) -> Iterator[Statement]:
        file: str = files[opened[-1]]["file"]
        for found in parsed:
            name: str = found["directive"]
            yield Statement(file, found["line"], blocks, name)
            if "block" in found:
                yield from walk(found["block"], (*blocks, name), opened)
            for index in found.get("includes", ()):
                if index not in opened:
                    yield from walk(files[index]["parsed"], blocks, (*opened, index))

    return walk(files[0]["parsed"], (), (0,))


def _is_free_form(blocks: tuple[str, ...]) -> bool:
    return bool(blocks) and blocks[-1] in vocabulary.FREE_FORM


def _unknown(statement: Statement, tree: Path) -> Problem:
    return Problem(
        "nginx.unknown-directive",
        f'unknown directive "{statement.name}"',
        Place(_relative(statement.file, tree), statement.line),
        hint=_nearest(statement.name),
    )


def _problem(error: dict[str, Any], tree: Path) -> Problem:
    """Return crossplane's error as a problem; its `callback` is the exception itself."""
    cause: BaseException = error["callback"]
    file: str = error["file"]
    place = Place(_relative(file, tree), error["line"] or _last_line(file))
    message = str(getattr(cause, "strerror", "") or "")
    if isinstance(cause, OSError):
        missing = _relative(str(cause.filename), tree)
        return Problem("nginx.missing-file", f"cannot read {missing}: {message}", place)
    if isinstance(cause, StopIteration) or message.startswith(_UNEXPECTED_END):
        return Problem(
            "nginx.unexpected-end",
            message or _UNEXPECTED_END,
            place,
            hint="A ';', a '}' or a closing quote is missing above.",
        )
    if isinstance(cause, NgxParserDirectiveContextError):
        return Problem("nginx.context", message, place)
    if isinstance(cause, NgxParserDirectiveArgumentsError):
        hint = "" if _ends_statement(file, place.line) else _NO_SEMICOLON
        return Problem("nginx.arguments", message, place, hint=hint)
    if isinstance(cause, NgxParserSyntaxError):
        return Problem("nginx.syntax", message, place)
    raise cause  # not a finding about the configuration, so a bug in one of us


def _relative(file: str, tree: Path) -> str:
    below = os.path.relpath(file, tree)
    return file if below.startswith("..") else below


def _last_line(file: str) -> int:
    try:
        with Path(file).open(encoding="utf-8", errors="replace") as lines:
            return sum(1 for _ in lines)
    except OSError:
        return 0


def _ends_statement(file: str, line: int) -> bool:
    with Path(file).open(encoding="utf-8", errors="replace") as lines:
        text = next((text for number, text in enumerate(lines, 1) if number == line), ";")
    return re.sub(r"\s+#.*", "", text).rstrip().endswith((";", "{", "}"))


@functools.lru_cache(maxsize=64)
def _nearest(name: str) -> str:
    return did_you_mean(name, analyzer.DIRECTIVES)


@functools.lru_cache(maxsize=1)
def _additions() -> dict[str, list[int]]:
    return {
        name: [_mask(form) for form in forms]
        for name, forms in {**vocabulary.ADDED, **vocabulary.WIDENED}.items()
    }


def _mask(form: vocabulary.Form) -> int:
    masks = [_CONTEXTS[context] for context in form.contexts.split()]
    if form.arguments in _ARGUMENTS:
        masks.append(_ARGUMENTS[form.arguments])
    else:
        masks += [analyzer.NGX_CONF_NOARGS << int(count) for count in form.arguments]
    return functools.reduce(operator.or_, masks)
