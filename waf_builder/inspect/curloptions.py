"""The options of curl that change a request: https://curl.se/docs/manpage.html."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote_plus

from waf_builder.inspect.formpart import literal_part, part
from waf_builder.inspect.request import RequestError, wire_bytes, wire_text

_JSON = "application/json"


@dataclass
class Command:
    """What the options of a command line have said so far.

    own: headers that curl sends by itself, unless one of `named` is given with -H: in small
    letters, also those that are to be left out. data: the body, None without one. form: its parts.
    """

    folder: Path
    urls: list[str] = field(default_factory=list)
    method: str = ""
    own: dict[str, str] = field(
        default_factory=lambda: {"User-Agent": "curl/8.14.1", "Accept": "*/*"}
    )
    named: set[str] = field(default_factory=set)
    headers: list[tuple[str, str]] = field(default_factory=list)
    data: bytes | None = None
    kind: str = ""
    form: list[bytes] = field(default_factory=list)
    get: bool = False
    head: bool = False
    globoff: bool = False
    path_as_is: bool = False

    def file(self, name: str) -> bytes:
        """Return the bytes of a file that the command names; RequestError when there is none."""
        if name == "-":
            raise RequestError(
                "the curl command reads standard input\n    Write it to a file and name that."
            )
        path = self.folder / name
        try:
            return path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise RequestError(f"{path} of the curl command cannot be read: {reason}") from None


def _header(command: Command, value: str) -> None:
    name, colon, text = value.partition(":")
    if not colon and value.rstrip().endswith(";"):  # curl's way to send an empty one
        name = value.rstrip()[:-1]
    elif not colon or not name.strip():
        raise RequestError(f"the curl header {value!r} has no name, expected NAME: VALUE")
    command.named.add(name.strip().lower())
    if text.strip() or not colon:  # `NAME:` leaves one out
        command.headers.append((wire_text(name.strip()), wire_text(text.strip())))


def _add(command: Command, data: bytes) -> None:
    command.data = data if command.data is None else b"&".join((command.data, data))


def _data(command: Command, value: str) -> None:
    if value.startswith("@"):
        # Without --data-binary, curl leaves the line breaks of a file out.
        _add(command, command.file(value[1:]).translate(None, b"\r\n\0"))
    else:
        _add(command, wire_bytes(value))


def _binary(command: Command, value: str) -> None:
    _add(command, _content(command, value))


def _content(command: Command, value: str) -> bytes:
    return command.file(value[1:]) if value.startswith("@") else wire_bytes(value)


def _encoded(command: Command, value: str) -> None:
    name, separator, text = value.partition("=")
    data = wire_bytes(text)
    if not separator:
        name, separator, text = value.partition("@")
        data = command.file(text) if separator else wire_bytes(value)
        name = name if separator else ""
    _add(command, wire_bytes(f"{name}=" if name else "") + quote_plus(data).encode())


def _json(command: Command, value: str) -> None:
    command.kind = command.own["Accept"] = _JSON
    command.data = (command.data or b"") + _content(command, value)


def _cookie(command: Command, value: str) -> None:
    if "=" not in value:
        raise RequestError(
            f"curl reads the cookies of -b {value!r} from a file\n"
            "    Give them as -b 'NAME=VALUE; NAME=VALUE'."
        )
    given = command.own.get("Cookie")
    command.own["Cookie"] = f"{given};{wire_text(value)}" if given else wire_text(value)


def _set(name: str) -> Callable[[Command, str], None]:
    def header(command: Command, value: str) -> None:
        if value:
            command.own[name] = wire_text(value)
        else:
            command.own.pop(name, None)

    return header


def _user(command: Command, value: str) -> None:
    if ":" not in value:
        raise RequestError(
            f"curl asks for the password of -u {value!r}\n    Give it as -u NAME:PASSWORD."
        )
    word = base64.b64encode(wire_bytes(value)).decode()
    command.own["Authorization"] = f"Basic {word}"


def _flag(name: str) -> Callable[[Command, str], None]:
    return lambda command, _value: setattr(command, name, True)


WITH_VALUE: dict[str, Callable[[Command, str], None]] = {
    "request": lambda command, value: setattr(command, "method", value),
    "header": _header,
    "data": _data,
    "data-ascii": _data,
    "data-raw": lambda command, value: _add(command, wire_bytes(value)),
    "data-binary": _binary,
    "data-urlencode": _encoded,
    "json": _json,
    "form": lambda command, value: command.form.append(part(value, command.file)),
    "form-string": lambda command, value: command.form.append(literal_part(value)),
    "cookie": _cookie,
    "user-agent": _set("User-Agent"),
    "referer": lambda command, value: _set("Referer")(command, value.removesuffix(";auto")),
    "user": _user,
    "url": lambda command, value: command.urls.append(value),
}
WITHOUT_VALUE: dict[str, Callable[[Command, str], None]] = {
    "get": _flag("get"),
    "head": _flag("head"),
    "globoff": _flag("globoff"),
    "path-as-is": _flag("path_as_is"),
    "compressed": lambda command, _value: _set("Accept-Encoding")(command, "deflate, gzip, br"),
}
# What these change is not in the request.
IGNORED = frozenset(
    {
        "silent", "show-error", "insecure", "location", "include", "verbose", "fail",
        "http1.1", "http2", "no-buffer", "no-progress-meter", "ipv4", "ipv6",
    }
)  # fmt: skip
IGNORED_WITH_VALUE = frozenset(
    {
        "output", "max-time", "connect-timeout", "connect-to", "proxy", "resolve", "write-out",
        "retry", "max-redirs", "cacert", "cert", "key", "cookie-jar",
    }
)  # fmt: skip
LETTERS = {
    "X": "request", "H": "header", "d": "data", "F": "form", "b": "cookie", "A": "user-agent",
    "e": "referer", "u": "user", "G": "get", "I": "head", "s": "silent", "S": "show-error",
    "k": "insecure", "L": "location", "i": "include", "v": "verbose", "f": "fail", "g": "globoff",
    "o": "output", "m": "max-time", "x": "proxy", "w": "write-out", "N": "no-buffer",
    "c": "cookie-jar", "4": "ipv4", "6": "ipv6",
}  # fmt: skip
