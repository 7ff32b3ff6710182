r"""Splits SecLang into directives, arguments and comments, with the offset of each.

Lines, quotes and continuations are read as Apache reads them (a directive ends with its line,
unless the line ends with a backslash). Where libmodsecurity's lexer, which knows no lines, takes
the same text differently, it is followed if that changes what runs, and a problem says so.
Source: src/parser/seclang-scanner.ll in https://github.com/owasp-modsecurity/ModSecurity
"""

from __future__ import annotations

import re
from typing import NamedTuple

from waf_builder.problem import Problem, Severity
from waf_builder.seclang.source import Source, Span

_CONTINUED = r"\\[ \t]*\r?\n"
# A + inside of a * is only safe where nothing follows that could fail.
_GAP = re.compile(rf"(?:[ \t\r\f\v]+|{_CONTINUED})*")
_BETWEEN = re.compile(rf"(?:[ \t\r\n\f\v]+|{_CONTINUED})*")
_WORD = re.compile(r"(?:[^ \t\r\n\f\v\\]+|\\(?![ \t]*\r?\n))+")
_QUOTED = {
    quote: re.compile(rf"[^{quote}\\\n]*(?:\\(?:[ \t]*\r?\n|[^\n])[^{quote}\\\n]*)*")
    for quote in "\"'"
}
_LOOSE_CONTINUATION = re.compile(r"\\[ \t]+\r?\n")
_STARTS_DIRECTIVE = re.compile(r"[ \t]*(?:\#|<|Sec[A-Z]|Include|\r?\n|\Z)", re.IGNORECASE)
_NEXT_DIRECTIVE = re.compile(r"(?:Sec[A-Z]\w+|Include)(?=[ \t])", re.IGNORECASE)

# The lexer's two rules for a commented-out rule that goes on in the next line.
_COMMENTED = re.compile(
    r"#[ \t]*Sec(?:Rule[^\\\n][^\n]*\\[ \t]*(?=[\r\n])[\r\n]*|Action[^\\\n][^\n]*\\[ \t]*\r?\n)"
)
_COMMENT_GOES_ON = re.compile(r"[^\n]*\\\r?\n")


class Argument(NamedTuple):
    """One argument: its text without the quotes, and the offsets of that text.

    quote: the quote that stands around it, or an empty string.
    sound: False when its closing quote is missing, or a quote stands in the middle of a word.
    """

    text: str
    span: Span
    quote: str = ""
    sound: bool = True

    @property
    def outer(self) -> Span:
        """The span with the quotes."""
        width = len(self.quote)
        return Span(self.span.start - width, self.span.end + (width if self.sound else 0))


class Statement(NamedTuple):
    """A directive as it stands in the text: its name and its arguments."""

    name: Argument
    arguments: tuple[Argument, ...]


class Scanner:
    """Reads one text from its beginning to its end; never raises."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.statements: list[Statement] = []
        self.comments: list[Span] = []
        self.problems: list[Problem] = []

    def run(self) -> None:
        """Fill `statements`, `comments` and `problems`."""
        text = self.source.text
        position = self._between(self._byte_order_mark())
        while position < len(text):
            if text[position] == "#":
                position = self._comment(position)
            elif text[position] == '"' and self.statements:
                position = self._missing_continuation(position)
            else:
                position = self._statement(position)
            position = self._between(position)

    def _byte_order_mark(self) -> int:
        if not self.source.text.startswith("\ufeff"):
            return 0
        self._report(
            "byte-order-mark",
            "the file begins with a byte order mark, which libmodsecurity refuses",
            0,
            "Save it as UTF-8 without a byte order mark.",
        )
        return 1

    def _between(self, position: int) -> int:
        match = _BETWEEN.match(self.source.text, position)
        return match.end() if match else position

    def _comment(self, start: int) -> int:
        text = self.source.text
        opening = _COMMENTED.match(text, start)
        if not opening:
            end = self._line_end(start)
            self.comments.append(Span(start, end))
            return end
        position = opening.end()
        while more := _COMMENT_GOES_ON.match(text, position):
            self._swallowed(position)
            position = more.end()
        self._swallowed(position)
        end = self._line_end(position)
        self.comments.append(Span(start, end))
        return end

    def _swallowed(self, position: int) -> None:
        line = _NEXT_DIRECTIVE.match(self.source.text, self._skip_blanks(position))
        if line:
            self._report(
                "swallowed-by-comment",
                f"{line[0]} belongs to the comment above it and never runs",
                line.start(),
                "The commented-out rule above ends with a backslash, which joins the next line to"
                " it; remove that backslash.",
            )

    def _skip_blanks(self, position: int) -> int:
        text = self.source.text
        while text[position : position + 1] in {" ", "\t"}:
            position += 1
        return position

    def _line_end(self, position: int) -> int:
        text = self.source.text
        end = text.find("\n", position)
        if end < 0:
            end = len(text)
        return end - 1 if text.endswith("\r", position, end) else end

    def _statement(self, start: int) -> int:
        text = self.source.text
        match = _WORD.match(text, start)
        end = match.end() if match else start + 1
        name = Argument(text[start:end], Span(start, end))
        return self._arguments(name, [], end)

    def _missing_continuation(self, start: int) -> int:
        """Read a line that begins with a quote: it belongs to the directive above."""
        last = self.statements.pop()
        self._report(
            "missing-continuation",
            f"the {last.name.text} above goes on here, but its line does not end with a backslash",
            start,
            "End every line of a directive but its last with a backslash.",
            Severity.WARNING,
        )
        return self._arguments(last.name, list(last.arguments), start)

    def _arguments(self, name: Argument, arguments: list[Argument], position: int) -> int:
        text = self.source.text
        while True:
            gap = self._gap(position)
            if gap >= len(text) or text[gap] == "\n":
                break
            if self._is_next_directive(name, position, gap):
                break
            if text[gap] == "#" and gap > position:
                self._trailing_comment(gap)
                position = self._line_end(gap)
                break
            if gap == len(text) - 1 and text[gap] == "\\":
                self._dangling(gap)
                position = len(text)
                break
            argument = self._argument(gap)
            arguments.append(argument)
            position = argument.outer.end
        self.statements.append(Statement(name, tuple(arguments)))
        return position

    def _gap(self, position: int) -> int:
        text = self.source.text
        match = _GAP.match(text, position)
        end = match.end() if match else position
        if "\\" in text[position:end]:
            self._continuations(position, end)
            if end >= len(text) or text[end] == "\n":
                self._dangling(text.rindex("\\", position, end))
        return end

    def _continuations(self, start: int, end: int) -> None:
        if self.source.text.find("\n", start, end) < 0:
            return
        for loose in _LOOSE_CONTINUATION.finditer(self.source.text, start, end):
            self._report(
                "continuation-space",
                "the backslash is followed by a space, so the line does not go on",
                loose.start(),
                "The backslash must be the last character of its line.",
            )

    def _dangling(self, offset: int) -> None:
        self._report(
            "dangling-continuation",
            "the line ends with a backslash, but the directive does not go on",
            offset,
            "Remove the backslash, or the blank line below it.",
            Severity.WARNING,
        )

    def _is_next_directive(self, name: Argument, position: int, gap: int) -> bool:
        text = self.source.text
        if "\\" not in text[position:gap] or not _NEXT_DIRECTIVE.match(text, gap):
            return False
        if name.span.end == position:
            return False
        self._dangling(text.rindex("\\", position, gap))
        return True

    def _trailing_comment(self, start: int) -> None:
        self.comments.append(Span(start, self._line_end(start)))
        self._report(
            "trailing-comment",
            "a comment behind a directive",
            start,
            "Some directives take it for a part of their value; give it a line of its own.",
            Severity.WARNING,
        )

    def _argument(self, start: int) -> Argument:
        text = self.source.text
        quote = text[start]
        if quote in _QUOTED:
            return self._quoted(start, quote)
        match = _WORD.match(text, start)
        end = match.end() if match else start + 1
        if end == len(text) and text[end - 1] == "\\":
            end -= 1  # a continuation with nothing behind it
        if (stray := text.find('"', start, end)) >= 0:
            self._report(
                "stray-quote",
                "a double quote inside a word",
                stray,
                "A quote before it may be missing or may close too early; write a double quote"
                r" inside quotes as \".",
            )
        return Argument(text[start:end], Span(start, end), sound=stray < 0)

    def _quoted(self, start: int, quote: str) -> Argument:
        text = self.source.text
        match = _QUOTED[quote].match(text, start + 1)
        end = match.end() if match else start + 1
        self._continuations(start, end)
        if text[end : end + 1] == quote:
            return Argument(text[start + 1 : end], Span(start + 1, end), quote)
        self._report(
            "unterminated-quote",
            f"the {'double' if quote == chr(34) else 'single'} quote is not closed on its line",
            start,
            "Close it, or end the line with a backslash if the text goes on in the next one.",
        )
        end = self._recover(end)
        return Argument(text[start + 1 : end], Span(start + 1, end), quote, sound=False)

    def _recover(self, position: int) -> int:
        """Return where the text of an unclosed quote ends: before the next directive."""
        text = self.source.text
        end = self._line_end(position)
        while (newline := text.find("\n", end)) >= 0:
            if _STARTS_DIRECTIVE.match(text, newline + 1):
                break
            end = self._line_end(newline + 1)
        return end

    def _report(
        self,
        code: str,
        message: str,
        offset: int,
        hint: str,
        severity: Severity = Severity.ERROR,
    ) -> None:
        self.problems.append(self.source.problem(code, message, offset, hint, severity))
