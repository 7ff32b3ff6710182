"""The short form of tests: `pass` and `block`, each a list of requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from waf_builder.inspect.answer import Verdict
from waf_builder.inspect.read import read
from waf_builder.inspect.request import BROWSER, HttpRequest, RequestError, split_url, wire_text
from waf_builder.problem import Place
from waf_builder.suite.document import Document, SuiteError
from waf_builder.suite.ftw import Output
from waf_builder.suite.model import BLOCK, PASS, Check

LISTS: Mapping[str, frozenset[Verdict]] = {"pass": PASS, "block": BLOCK}
_BODIES = ("body", "form", "json")
_KEYS = frozenset(
    {"request", "method", "path", "host", "headers", "reason", "rules", "no_rules", "status"}
).union(_BODIES)


def checks(document: Document) -> Iterator[Check]:
    """Yield the tests below `pass` and `block`; SuiteError names the line of one that is none."""
    for key, verdicts in LISTS.items():
        entries = document.data.get(key) or []
        if not isinstance(entries, list):
            raise SuiteError(f"{document.file}: `{key}` is no list of requests")
        for index, entry in enumerate(entries):
            place = document.place(key, index)
            try:
                yield from _checks(entry, place, verdicts)
            except (RequestError, TypeError, ValueError) as error:
                raise SuiteError(f"{place}: {error}") from None


def _checks(entry: object, place: Place, verdicts: frozenset[Verdict]) -> Iterator[Check]:
    given = {"request": entry} if isinstance(entry, str) else entry
    if not isinstance(given, dict):
        raise TypeError(f"{entry!r} is no request, expected a text or a mapping")
    if unknown := set(map(str, given)) - _KEYS:
        raise ValueError(
            f"unknown keys: {', '.join(sorted(unknown))}; known are {', '.join(sorted(_KEYS))}"
        )
    wanted = Output(
        status=_numbers(given, "status"),
        rules=_numbers(given, "rules"),
        no_rules=_numbers(given, "no_rules"),
    )
    for request in _requests(given, place):
        name = str(given.get("reason") or f"{request.method} {request.target}")
        yield Check(name, place, request, wanted, verdicts)


def _numbers(given: Mapping[str, Any], key: str) -> tuple[int, ...]:
    value = given.get(key, ())
    numbers = value if isinstance(value, list | tuple) else [value]
    if not all(type(one) is int for one in numbers):
        raise ValueError(f"`{key}` is {value!r}, expected a number or a list of numbers")
    return tuple(numbers)


def _requests(given: Mapping[str, Any], place: Place) -> Iterator[HttpRequest]:
    if "request" in given:
        if made := {"method", "path", "host", "headers", *_BODIES} & given.keys():
            raise ValueError(f"`request` says all, so {', '.join(sorted(made))} cannot stand here")
        yield from read(str(given["request"]), Path(place.file).parent)
        return
    if "path" not in given:
        raise ValueError("a request has a `path`, or is given whole as `request`")
    yield _made(given)


def _made(given: Mapping[str, Any]) -> HttpRequest:
    target, host = split_url(str(given["path"]))
    own = given.get("headers") or {}
    if not isinstance(own, dict):
        raise TypeError("`headers` is no mapping")
    kind, body = _body(given)
    headers = {"Host": str(given.get("host", host)), **dict(BROWSER)}
    if body is not None:
        headers |= {"Content-Type": kind, "Content-Length": str(len(body))}
    named = {str(name).lower() for name in own}
    kept = [(name, value) for name, value in headers.items() if name.lower() not in named]
    # A header with no value is one that is not sent.
    kept += [(str(name), _text(value)) for name, value in own.items() if value is not None]
    method = str(given.get("method", "GET" if body is None else "POST"))
    return HttpRequest(
        method,
        target,
        tuple((wire_text(name), wire_text(value)) for name, value in kept),
        body or b"",
        name=f"{method} {target}",
    )


def _body(given: Mapping[str, Any]) -> tuple[str, bytes | None]:
    found = [key for key in _BODIES if key in given]
    if len(found) > 1:
        raise ValueError(f"{' and '.join(found)} are one body too many")
    if not found:
        return "", None
    value = given[found[0]]
    if found[0] == "json":
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return "application/json", text.encode()
    if found[0] == "form":
        if not isinstance(value, dict):
            raise TypeError("`form` is no mapping")
        pairs = [
            (name, _text(one))
            for name, values in value.items()
            for one in (values if isinstance(values, list) else [values])
        ]
        return "application/x-www-form-urlencoded", urlencode(pairs).encode()
    return "application/x-www-form-urlencoded", _text(value).encode()


def _text(value: object) -> str:
    """Return a value as the file writes it; TypeError for what a field cannot hold."""
    if isinstance(value, list | dict):
        raise TypeError(f"{value!r} is no text")
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
