r"""A shell's quotes and line ends, as far as `shlex` does not know them: browsers copy `$'...'`."""

from __future__ import annotations

import re
import shlex

_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\\r?\n|\\.|\$'((?:[^'\\]|\\.)*)'""", re.DOTALL)
_CONTINUED = re.compile(r"\\(?:\r?\n|(.))", re.DOTALL)
_VALUE = re.compile(r"\\.|(\$(?:\w+|[({@*#?!$-])|`)", re.DOTALL)
_ESCAPE = re.compile(
    r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|(.))", re.DOTALL
)
_NAMED = {"a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def plain_quotes(line: str) -> str:
    """Return a command line with each `$'...'` as a word in ordinary quotes, on one line.

    The escapes are those of POSIX: https://pubs.opengroup.org/onlinepubs/9799919799/, 2.2.4. A
    byte that is no text is a surrogate, as in `os.fsdecode`.
    """
    return _QUOTED.sub(_plain, line)


def without_quoted(line: str) -> str:
    """Return what of a command line the shell itself reads: `"` stands for each quoted piece."""
    return _QUOTED.sub('"', line)


def first_value(line: str) -> str:
    """Return the first of a command line for which the shell puts a value, empty without one."""
    open_ = _QUOTED.sub(_unless_quoted, line)
    return next((found[1] for found in _VALUE.finditer(open_) if found[1]), "")


def _unless_quoted(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith(('"', "\\")) else ""


def _plain(found: re.Match[str]) -> str:
    if found[1] is not None:
        return shlex.quote(_unescaped(found[1]))
    # Between ' and ', a backslash at a line's end is a sign like any other.
    return found[0] if found[0].startswith("'") else _CONTINUED.sub(_joined, found[0])


def _joined(found: re.Match[str]) -> str:
    if found[1] is None:
        return ""
    return found[1] if found[1] in "$`" else found[0]  # `shlex` keeps a backslash before these


def _unescaped(text: str) -> str:
    pieces: list[bytes] = []
    end = 0
    for found in _ESCAPE.finditer(text):
        pieces.append(text[end : found.start()].encode("utf-8", "surrogateescape"))
        pieces.append(_escaped(found))
        end = found.end()
    pieces.append(text[end:].encode("utf-8", "surrogateescape"))
    return b"".join(pieces).decode("utf-8", "surrogateescape")


def _escaped(found: re.Match[str]) -> bytes:
    byte, short, long, octal, char = found.groups()
    if byte or octal:
        return bytes([int(byte, 16) if byte else int(octal, 8) & 0xFF])
    if short or long:
        number = int(short or long, 16)
        return chr(number).encode("utf-8", "replace") if number <= 0x10FFFF else b"?"  # noqa: PLR2004
    return _NAMED.get(char, char).encode("utf-8", "surrogateescape")
