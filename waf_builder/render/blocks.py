"""What an override of a template would lose without a word: Jinja itself accepts all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jinja2 import TemplateSyntaxError, nodes

from waf_builder.problem import Place, Problem, did_you_mean
from waf_builder.render.builtins import blocks_of
from waf_builder.render.environment import BUILTIN, make_environment
from waf_builder.render.overrides import builtin_names

_WITHOUT_OUTPUT = (
    nodes.Extends,
    nodes.Block,
    nodes.Assign,
    nodes.AssignBlock,
    nodes.Macro,
    nodes.Import,
    nodes.FromImport,
)


def unused_parts(folder: Path) -> list[Problem]:
    """Return what the templates in folder say and nothing would print.

    In a template that extends a built-in one, that is a block that the other does not have, and
    everything outside of blocks. A file that is not a template at all is a problem, too.
    """
    return [problem for name in builtin_names() for problem in _unused(folder / name)]


def _unused(file: Path) -> Iterator[Problem]:
    if not file.is_file():
        return
    try:
        body = make_environment().parse(file.read_text(encoding="utf-8")).body
    except UnicodeDecodeError:
        yield Problem("override.not-text", "this template is not UTF-8 text", Place(str(file)))
        return
    except TemplateSyntaxError as error:
        place = Place(str(file), error.lineno)
        yield Problem("render.template-syntax", f"not a template: {error.message}", place)
        return
    base = _base(body)
    if base is None:
        return
    known = blocks_of(base)
    for node in body:
        place = Place(str(file), node.lineno)
        if isinstance(node, nodes.Block) and node.name not in known:
            message = f"{base} has no block {node.name!r}, so this one is printed nowhere"
            hint = did_you_mean(node.name, known) or f"Its blocks: {', '.join(known) or 'none'}."
            yield Problem("render.unknown-block", message, place, hint)
        elif not isinstance(node, _WITHOUT_OUTPUT) and not _is_blank(node):
            message = "this stands outside of every block and is printed nowhere"
            hint = f"Put it into one of the blocks: {', '.join(known) or 'there is none'}."
            yield Problem("render.outside-block", message, _first_line(node, place), hint)


def _base(body: list[nodes.Node]) -> str | None:
    """Return the name of the built-in template that body extends, if it is there."""
    for node in body:
        if isinstance(node, nodes.Extends) and isinstance(node.template, nodes.Const):
            name = str(node.template.value).removeprefix(f"{BUILTIN}:")
            return name if name in builtin_names() else None
    return None


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(
        isinstance(part, nodes.TemplateData) and not part.data.strip() for part in node.nodes
    )


def _first_line(node: nodes.Node, place: Place) -> Place:
    """Return where the text of node begins: Jinja counts the blank lines before it."""
    first = node.nodes[0] if isinstance(node, nodes.Output) else None
    if not isinstance(first, nodes.TemplateData):
        return place
    blank = len(first.data) - len(first.data.lstrip())
    return Place(place.file, place.line + first.data[:blank].count("\n"))
