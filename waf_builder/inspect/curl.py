"""A `curl` command line, as browsers copy it, as the request that curl would send."""

from __future__ import annotations

import base64
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from waf_builder.inspect.curloptions import (
    IGNORED,
    IGNORED_WITH_VALUE,
    LETTERS,
    WITH_VALUE,
    WITHOUT_VALUE,
    Command,
)
from waf_builder.inspect.formpart import BOUNDARY, multipart
from waf_builder.inspect.quoting import first_value, plain_quotes, without_quoted
from waf_builder.inspect.request import FORM, HttpRequest, RequestError, is_url, split_url

_AGAIN = "Copy it again as cURL (bash) or, in Firefox, as cURL (POSIX)."
_FOR_CMD = re.compile(r'\^["\s]|\^\Z')
_FOR_POWERSHELL = re.compile(r"\s`\s*(?:\n|\Z)")
_SEVERAL = re.compile(r"[;&|]\s|(?<!\S)(?:[;&|]|[<>0-9]*[<>])|\n\s*curl(?:\.exe)?\s")
_CURL = re.compile(r"(?:.*[/\\])?curl(?:\.exe)?", re.IGNORECASE | re.DOTALL)
_LIST = re.compile(r"[\[\]{}]")
_BLANK = re.compile(r"[\x00-\x20\x7f]")


def from_curl(line: str, folder: Path | None = None) -> HttpRequest:
    """Return the request of a `curl ...` command line.

    folder: what `@FILE` in it is relative to. RequestError for an option that is not known, since
    the request would be another one without it, and for what is no command of a POSIX shell.
    """
    command = Command(folder=folder or Path())
    words = iter(_words(line))
    next(words)
    for word in words:
        _take(word, words, command)
    if len(command.urls) != 1:
        found = "no URL" if not command.urls else f"{len(command.urls)} URLs"
        raise RequestError(f"the curl command has {found}, expected one")
    return _request(command)


def _words(line: str) -> list[str]:
    line = line.strip()
    plain = without_quoted(line)
    if _FOR_CMD.search(plain):
        raise RequestError(f"this curl command is quoted for Windows' cmd\n    {_AGAIN}")
    if _FOR_POWERSHELL.search(plain):
        raise RequestError(f"this curl command is written for PowerShell\n    {_AGAIN}")
    if found := _SEVERAL.search(plain):
        raise RequestError(
            f"after the curl command comes {found[0].strip()!r}, expected one command alone\n"
            "    Put quotes around a URL or a value with such signs, and each of several commands"
            " into a file of its own."
        )
    if plain.endswith("\\"):
        raise RequestError(
            "the curl command ends with a backslash, so a line is missing\n"
            "    Copy all of its lines."
        )
    if value := first_value(line):
        raise RequestError(
            f"in the curl command, a shell puts a value for {value!r}\n"
            "    Write the value itself, or put the text into single quotes."
        )
    try:
        words = shlex.split(plain_quotes(line))
    except ValueError as error:
        raise RequestError(f"the curl command cannot be read: {str(error).lower()}") from None
    if not words or not _CURL.fullmatch(words[0]):
        raise RequestError("this is not a curl command")
    return words


def _take(word: str, words: Iterator[str], command: Command) -> None:
    """Take one word of the line, and the one that follows where it is an option's value."""
    if not word.startswith("-") or word == "-":
        command.urls.append(word)
        return
    if word.startswith("--"):
        _take_long(word, words, command)
        return
    for place, letter in enumerate(word[1:], 1):
        name = LETTERS.get(letter)
        if name is None:
            raise _unknown(f"-{letter}")
        if name in WITH_VALUE or name in IGNORED_WITH_VALUE:
            _apply(name, word[place + 1 :] or _value(f"-{letter}", words), command)
            return
        _apply(name, "", command)


def _take_long(word: str, words: Iterator[str], command: Command) -> None:
    name = word[2:]
    if name in WITH_VALUE or name in IGNORED_WITH_VALUE:
        _apply(name, _value(word, words), command)
    elif name in WITHOUT_VALUE or name in IGNORED:
        _apply(name, "", command)
    else:
        raise _unknown(word)


def _value(option: str, words: Iterator[str]) -> str:
    value = next(words, None)
    if value is None:
        raise RequestError(f"the curl command ends with {option}, which needs a value")
    return value


def _apply(name: str, value: str, command: Command) -> None:
    if action := WITH_VALUE.get(name) or WITHOUT_VALUE.get(name):
        action(command, value)


def _unknown(option: str) -> RequestError:
    return RequestError(
        f"the curl option {option} is not known here\n"
        "    Leave it out if it does not change what is sent."
    )


def _request(command: Command) -> HttpRequest:
    if (command.form or command.head) and command.data is not None and not command.get:
        raise RequestError(
            f"the curl command has data and {'-F' if command.form else '-I'}, of which curl takes"
            " one\n    Leave out the other."
        )
    target, host = _asked(command)
    body, kind = command.data, command.kind or FORM
    if command.get:
        target = _with_query(target, body or b"")
        body = None
    elif command.form:
        body, kind = multipart(command.form), f"multipart/form-data; boundary={BOUNDARY}"
    method = command.method or ("HEAD" if command.head else "GET" if body is None else "POST")
    defaults = {"Host": host, **command.own}
    if body is not None:
        if ("transfer-encoding", "chunked") in ((n.lower(), v.lower()) for n, v in command.headers):
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        else:
            defaults["Content-Length"] = str(len(body))
        defaults["Content-Type"] = kind
    headers = [pair for pair in defaults.items() if pair[0].lower() not in command.named]
    return HttpRequest(method, target, (*headers, *command.headers), body or b"", name=method)


def _asked(command: Command) -> tuple[str, str]:
    """Return target and Host; a name in the URL is that of `-u` where there is none."""
    url = command.urls[0]
    url = url if is_url(url) else f"http://{url}"
    target, host = split_url(url)
    if not command.globoff and _LIST.search(target.replace("[]", "")):
        raise RequestError(
            f"curl takes the brackets of {url!r} for a list of URLs\n"
            "    Add --globoff to send them as they are."
        )
    user, at, _ = urlsplit(url).netloc.rpartition("@")
    if at:
        word = base64.b64encode(unquote_to_bytes(user)).decode()
        command.own.setdefault("Authorization", f"Basic {word}")
    path, mark, query = target.partition("?")
    return (path if command.path_as_is else _without_dots(path)) + mark + query, host


def _without_dots(path: str) -> str:
    """Return a path without `.` and `..`: https://www.rfc-editor.org/rfc/rfc3986, 5.2.4."""
    kept: list[str] = []
    parts = path.split("/")[1:]
    for part in parts:
        if part == ".." and kept:
            kept.pop()
        if part not in {".", ".."}:
            kept.append(part)
    return "/" + "/".join(kept + [""] * (parts[-1] in {".", ".."} and bool(kept)))


def _with_query(target: str, data: bytes) -> str:
    text = data.decode("latin-1")
    if _BLANK.search(text):
        raise RequestError(
            f"the data of curl -G has a blank, which no URL can have: {text[:60]!r}\n"
            "    Give it with --data-urlencode."
        )
    return target + ("&" if "?" in target else "?") * bool(text) + text
