"""From a compiled rule set back to the text of its files."""

from __future__ import annotations

from collections.abc import Iterable

from waf_builder.crs.compile.model import Entry, RuleSet
from waf_builder.crs.compile.refusal import Refusal
from waf_builder.crs.compile.screenfile import Stretch, stretches
from waf_builder.seclang import Document, Span

NOTICE = "# Compiled by waf-builder: what is not needed was taken out, lines stay where they were."
"""The Apache licence asks for a notice in changed files."""


def write(files: Iterable[Document], needed: RuleSet) -> dict[str, str]:
    """Return the text of each file that still holds something.

    files: as they are. needed: what is left of them.

    Line numbers stay those of the rule set, since the records name them: what is taken out
    leaves its line breaks. So do comments, but for the one at the top with the licence.
    """
    written = {}
    left: dict[str, list[Entry]] = {}
    for entry in needed.entries:
        if entry.ours:
            left.setdefault(entry.place.file, []).append(entry)
    for document in files:
        name = document.source.file
        if any(entry.head.key != "seccomponentsignature" for entry in left.get(name, ())):
            written[name] = _text(document, left[name])
    for stretch in stretches(needed):
        name = stretch.rules[0].place.file
        written[name] = _between(written[name], stretch)
    return written


def _between(text: str, stretch: Stretch) -> str:
    """Return the text with what leads over a stretch on the empty lines around it."""
    lines = text.split("\n")
    first = stretch.rules[0].head
    last = stretch.rules[-1].directives[-1]
    end = last.source.place(last.span.end).line
    begin = first.place.line - 1
    before = stretch.before
    if begin < len(before) or any(map(str.strip, lines[begin - len(before) : begin])):
        before = (stretch.before_in_one,)
    for line, what in (*enumerate(before, begin - len(before)), (end, stretch.after)):
        if line < 0 or lines[line].strip():
            raise Refusal("a rule without an empty line beside it", first.place)
        lines[line] = what
    return "\n".join(lines)


def _text(document: Document, left: Iterable[Entry]) -> str:
    kept = {directive.span: entry for entry in left for directive in entry.directives}
    edits: dict[Span, str] = {}
    for directive in document.directives:
        entry = kept.get(directive.span)
        if entry is None:
            edits[directive.span] = _blank(document, directive.span)
        elif directive.span == entry.head.span:
            edits.update(_edits(entry))
    top = _licence(document)
    for comment in document.comments:
        if comment.start >= top:
            edits[comment] = _blank(document, comment)
    return _with_notice(document.replaced(edits))


def _edits(entry: Entry) -> dict[Span, str]:
    found = {action.span: text for action, text in entry.actions}
    if entry.targets is not None:
        found[entry.head.arguments[0].span] = "|".join(entry.targets)
    if entry.unconditional:
        statement = entry.head.statement
        variables, operator, _ = statement.arguments
        found |= {statement.name.span: "SecAction", variables.outer: "", operator.outer: ""}
    return found


def _blank(document: Document, span: Span) -> str:
    return "\n" * document.text.count("\n", span.start, span.end)


def _licence(document: Document) -> int:
    """Return where the first directive or the first empty line ends the comment at the top."""
    first = document.directives[0].span.start if document.directives else len(document.text)
    empty = document.text.find("\n\n")
    return min(first, empty if empty >= 0 else first)


def _with_notice(text: str) -> str:
    """Return the text with the notice in its first line, where that is only drawn."""
    first, line_break, rest = text.partition("\n")
    return NOTICE + line_break + rest if first and set(first) <= set("# -") else text
