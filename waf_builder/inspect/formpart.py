"""A field of a form as `curl -F` takes it, as a part of `multipart/form-data`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from waf_builder.inspect.request import RequestError, wire_bytes

BOUNDARY = "------------------------waf-builder-inspect"
_QUOTED = r'\s*(?:"((?:[^"\\]|\\.)*)"\s*(?=[;,]|\Z)|'
_WORD = re.compile(_QUOTED + r"([^;]*))", re.DOTALL)
_WORD_OF_FILE = re.compile(_QUOTED + r"([^;,]*))", re.DOTALL)
_SETTING = re.compile(r";\s*(type|filename)=")
_ESCAPED = re.compile(r'\\(["\\])')
_IN_NAME = {'"': "%22", "\r": "%0D", "\n": "%0A"}
_BINARY, _PLAIN = "application/octet-stream", "text/plain"
_KINDS = {
    ".gif": "image/gif", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png",
    ".svg": "image/svg+xml", ".txt": _PLAIN, ".htm": "text/html", ".html": "text/html",
    ".pdf": "application/pdf", ".xml": "application/xml",
}  # fmt: skip
"""What curl takes a file for, by its name: https://curl.se/docs/manpage.html#-F."""


def part(value: str, read: Callable[[str], bytes]) -> bytes:
    """Return the part that `-F NAME=VALUE` sends; `read` returns the bytes of a file.

    RequestError for what is not known here: several files in a field, parts of parts, headers.
    """
    name, given = _named(value)
    sign = given[0] if given.startswith(("@", "<")) else ""
    if given.startswith("(") or (not name and given == ")"):
        raise _unread(value, "has parts of its own")
    word = _WORD_OF_FILE if sign == "@" else _WORD
    content, rest = _next(word, given[len(sign) :])
    kind, filename = "", Path(content).name if sign == "@" else ""
    while rest:
        if rest.startswith(","):
            raise _unread(value, "has a comma, as if it were several files")
        setting = _SETTING.match(rest)
        key = setting[1] if setting else ""
        given, left = _next(word, rest[setting.end() if setting else 1 :])
        if key == "type":
            kind = given
        elif key == "filename":
            filename = given
        elif kind:
            kind += rest.removesuffix(left).rstrip()
        elif given:
            raise _unread(value, f"has {given!r} after a semicolon")
        rest = left
    kind = kind or _guessed(filename, content if sign else "", sign == "@")
    return _part(name, read(content) if sign else wire_bytes(content), kind, filename)


def _guessed(filename: str, path: str, is_file: bool) -> str:
    by_name = _KINDS.get(Path(filename).suffix.lower()) or _KINDS.get(Path(path).suffix.lower())
    if filename:
        return by_name or (_BINARY if is_file else "")
    return by_name if by_name and by_name != _PLAIN else ""


def literal_part(value: str) -> bytes:
    """Return the part that `--form-string NAME=VALUE` sends."""
    name, text = _named(value)
    return _part(name, wire_bytes(text))


def multipart(parts: list[bytes]) -> bytes:
    """Return the body that these parts are."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def _named(value: str) -> tuple[str, str]:
    name, separator, text = value.partition("=")
    if not separator:
        raise RequestError(f"the curl form field {value!r} has no value, expected NAME=VALUE")
    return name, text


def _next(word: re.Pattern[str], text: str) -> tuple[str, str]:
    """Return a word of a field, in quotes or not, and what follows, from its semicolon on."""
    found = word.match(text)
    if found is None:
        return text, ""
    quoted, bare = found.groups()
    return bare.strip() if quoted is None else _ESCAPED.sub(r"\1", quoted), text[found.end() :]


def _unread(value: str, what: str) -> RequestError:
    return RequestError(
        f"the curl form field {value!r} {what}, which is not read here\n"
        "    Put the value into double quotes, use --form-string, or write the request to a file."
    )


def _part(name: str, data: bytes, kind: str = "", filename: str = "") -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{_quoted(name)}"'
    head += f'; filename="{_quoted(filename)}"' if filename else ""
    head += f"\r\nContent-Type: {kind}" if kind else ""
    return wire_bytes(f"{head}\r\n\r\n") + data + b"\r\n"


def _quoted(name: str) -> str:
    return "".join(_IN_NAME.get(char, char) for char in name)
