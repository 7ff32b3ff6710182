"""A `curl` command line, as browsers copy it, as the request that curl would send."""

from __future__ import annotations

import base64
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus

from waf_builder.inspect.quoting import plain_quotes
from waf_builder.inspect.request import HttpRequest, RequestError, is_url, split_url, wire_text

FORM = "application/x-www-form-urlencoded"
_BOUNDARY = "------------------------waf-builder-inspect"
_CURL: tuple[tuple[str, str], ...] = (("User-Agent", "curl/8.14.1"), ("Accept", "*/*"))
"""What curl sends when it is not told otherwise."""


@dataclass
class _Command:
    """What the options of a command line have said so far."""

    urls: list[str] = field(default_factory=list)
    method: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    form: list[tuple[str, str]] = field(default_factory=list)
    json: bool = False
    get: bool = False
    head: bool = False
    folder: Path = field(default_factory=Path)


def from_curl(line: str, folder: Path | None = None) -> HttpRequest:
    """Return the request of a `curl ...` command line.

    folder: what `@FILE` in it is relative to. RequestError for an option that is not known, since
    the request would be another one without it.
    """
    command = _Command(folder=folder or Path())
    words = iter(_words(line))
    next(words)
    for word in words:
        _take(word, words, command)
    if len(command.urls) != 1:
        found = "no URL" if not command.urls else f"{len(command.urls)} URLs"
        raise RequestError(f"the curl command has {found}, expected one")
    return _request(command)


def _words(line: str) -> list[str]:
    if line.rstrip().endswith("^") or '^"' in line:
        raise RequestError(
            "this curl command is quoted for Windows' cmd\n"
            "    Copy it again as cURL (bash) or, in Firefox, as cURL (POSIX)."
        )
    try:
        words = shlex.split(plain_quotes(line).replace("\\\r\n", " ").replace("\\\n", " "))
    except ValueError as error:
        raise RequestError(f"the curl command cannot be read: {str(error).lower()}") from None
    if not words or Path(words[0]).name != "curl":
        raise RequestError("this is not a curl command")
    return words


def _take(word: str, words: Iterator[str], command: _Command) -> None:
    """Take one word of the line, and the one that follows where it is an option's value."""
    if not word.startswith("-") or word == "-":
        command.urls.append(word)
        return
    if word.startswith("--"):
        _take_long(word, words, command)
        return
    for place, letter in enumerate(word[1:], 1):
        name = _LETTERS.get(letter)
        if name is None:
            raise _unknown(f"-{letter}")
        if name in _WITH_VALUE or name in _IGNORED_WITH_VALUE:
            _apply(name, word[place + 1 :] or _value(f"-{letter}", words), command)
            return
        _apply(name, "", command)


def _take_long(word: str, words: Iterator[str], command: _Command) -> None:
    name = word[2:]
    if name in _WITH_VALUE or name in _IGNORED_WITH_VALUE:
        _apply(name, _value(word, words), command)
    elif name in _WITHOUT_VALUE or name in _IGNORED:
        _apply(name, "", command)
    else:
        raise _unknown(word)


def _value(option: str, words: Iterator[str]) -> str:
    value = next(words, None)
    if value is None:
        raise RequestError(f"the curl command ends with {option}, which needs a value")
    return value


def _apply(name: str, value: str, command: _Command) -> None:
    if action := _WITH_VALUE.get(name) or _WITHOUT_VALUE.get(name):
        action(command, value)


def _unknown(option: str) -> RequestError:
    return RequestError(
        f"the curl option {option} is not known here\n"
        "    Leave it out if it does not change what is sent."
    )


def _header(command: _Command, value: str) -> None:
    name, separator, text = value.partition(":")
    if not separator:
        name, separator, text = value.partition(";")  # curl's way to send an empty one
        text = ""
    if not separator or not name.strip():
        raise RequestError(f"the curl header {value!r} has no name, expected NAME: VALUE")
    command.headers.append((wire_text(name.strip()), wire_text(text.strip())))


def _data(command: _Command, value: str) -> None:
    if value.startswith("@"):
        # Without --data-binary, curl leaves the line breaks of a file out.
        command.data.append(_file(command, value).replace(b"\r", b"").replace(b"\n", b""))
    else:
        command.data.append(_bytes(value))


def _binary(command: _Command, value: str) -> None:
    command.data.append(_file(command, value) if value.startswith("@") else _bytes(value))


def _encoded(command: _Command, value: str) -> None:
    name, separator, text = value.partition("=")
    if not separator:
        name, text = "", value
    command.data.append(_bytes((f"{name}=" if name else "") + quote_plus(text)))


def _json(command: _Command, value: str) -> None:
    command.json = True
    _binary(command, value)


def _file(command: _Command, value: str) -> bytes:
    path = command.folder / value[1:]
    try:
        return path.read_bytes()
    except OSError as error:
        raise RequestError(f"{path} of the curl command cannot be read: {error.strerror}") from None


def _bytes(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")


def _set(name: str) -> Callable[[_Command, str], None]:
    def header(command: _Command, value: str) -> None:
        command.headers.append((name, wire_text(value)))

    return header


def _user(command: _Command, value: str) -> None:
    word = base64.b64encode(_bytes(value)).decode()
    command.headers.append(("Authorization", f"Basic {word}"))


def _flag(name: str) -> Callable[[_Command, str], None]:
    return lambda command, _value: setattr(command, name, True)


_WITH_VALUE: dict[str, Callable[[_Command, str], None]] = {
    "request": lambda command, value: setattr(command, "method", value),
    "header": _header,
    "data": _data,
    "data-ascii": _data,
    "data-raw": lambda command, value: command.data.append(_bytes(value)),
    "data-binary": _binary,
    "data-urlencode": _encoded,
    "json": _json,
    "form": lambda command, value: command.form.append(_pair(value)),
    "cookie": _set("Cookie"),
    "user-agent": _set("User-Agent"),
    "referer": _set("Referer"),
    "user": _user,
    "url": lambda command, value: command.urls.append(value),
}
_WITHOUT_VALUE: dict[str, Callable[[_Command, str], None]] = {
    "get": _flag("get"),
    "head": _flag("head"),
    "compressed": lambda command, _value: _set("Accept-Encoding")(command, "deflate, gzip, br"),
}
# What these change is not in the request.
_IGNORED = frozenset(
    {
        "silent", "show-error", "insecure", "location", "include", "verbose", "fail", "globoff",
        "path-as-is", "http1.1", "http2", "no-buffer", "no-progress-meter", "ipv4", "ipv6",
    }
)  # fmt: skip
_IGNORED_WITH_VALUE = frozenset(
    {
        "output", "max-time", "connect-timeout", "proxy", "resolve", "write-out", "retry",
        "max-redirs", "cacert", "cert", "key",
    }
)  # fmt: skip
_LETTERS = {
    "X": "request", "H": "header", "d": "data", "F": "form", "b": "cookie", "A": "user-agent",
    "e": "referer", "u": "user", "G": "get", "I": "head", "s": "silent", "S": "show-error",
    "k": "insecure", "L": "location", "i": "include", "v": "verbose", "f": "fail", "g": "globoff",
    "o": "output", "m": "max-time", "x": "proxy", "w": "write-out", "N": "no-buffer",
    "4": "ipv4", "6": "ipv6",
}  # fmt: skip


def _pair(value: str) -> tuple[str, str]:
    name, separator, text = value.partition("=")
    if not separator:
        raise RequestError(f"the curl form field {value!r} has no value, expected NAME=VALUE")
    return name, text


def _request(command: _Command) -> HttpRequest:
    url = command.urls[0]
    target, host = split_url(url if is_url(url) else f"http://{url}")
    body = b"&".join(command.data)
    method = command.method or ("HEAD" if command.head else "POST" if body else "GET")
    kind = FORM if command.data else ""
    if command.get:
        method = command.method or "GET"
        target += ("&" if "?" in target else "?") + body.decode("latin-1") if body else ""
        body, kind = b"", ""
    elif command.json:
        kind = "application/json"
    elif command.form:
        body, kind = _multipart(command), f"multipart/form-data; boundary={_BOUNDARY}"
        method = command.method or "POST"
    defaults = [("Host", host), *_CURL]
    if kind:
        defaults.append(("Content-Type", kind))
    if body:
        defaults.append(("Content-Length", str(len(body))))
    named = {name.lower() for name, _ in command.headers}
    headers = [pair for pair in defaults if pair[0].lower() not in named]
    return HttpRequest(method, target, (*headers, *command.headers), body, name=method)


def _multipart(command: _Command) -> bytes:
    parts = []
    for name, value in command.form:
        text, kind, filename = value, "", ""
        if value.startswith(("@", "<")):
            path, *settings = value.split(";")
            data = _file(command, path)
            filename = Path(path[1:]).name if value.startswith("@") else ""
            for setting in settings:
                key, _, given = setting.strip().partition("=")
                kind = given if key == "type" else kind
                filename = given if key == "filename" else filename
            kind = kind or ("application/octet-stream" if filename else "")
        else:
            data = _bytes(text)
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
        head += f'; filename="{filename}"' if filename else ""
        head += f"\r\nContent-Type: {kind}" if kind else ""
        parts.append(_bytes(f"{head}\r\n\r\n") + data + b"\r\n")
    return b"".join(parts) + _bytes(f"--{_BOUNDARY}--\r\n")
