"""A line of the WAF's own logs, as far as it says what was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from waf_builder.inspect.request import BROWSER, HttpRequest, RequestError, target_of
from waf_builder.run.logs import hear

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""Without a length of their body, rules would find these odd."""


def from_log(lines: Iterable[str], name: str) -> Iterator[HttpRequest]:
    """Yield the request of each line of an audit or access log that has one.

    The logs keep no headers and no body, and the access log no query: what a rule found there is
    not found again. Lines of other kinds are passed over. RequestError when no line has one.
    """
    found = False
    for number, line in enumerate(lines, 1):
        request = _request(line, f"{name}:{number}")
        if request is not None:
            found = True
            yield request
    if not found:
        raise RequestError(
            f"{name} has no line of the access log or the audit log\n"
            "    One is a JSON object with a method and a path, or with a `transaction`."
        )


def _request(line: str, name: str) -> HttpRequest | None:
    heard = hear(line)
    if heard is None:
        return None
    _, log, record = heard
    if log == "audit":
        return _audited(record, name)
    if log == "access" and record["method"]:
        host = str(record["host"] or "localhost")
        return made(str(record["method"]), str(record["path"]), host, name)
    return None


def _audited(transaction: Mapping[str, Any], name: str) -> HttpRequest | None:
    request = transaction.get("request")
    if not isinstance(request, dict) or not isinstance(request.get("uri"), str):
        return None
    host = str(transaction.get("hostname") or "localhost")
    return made(str(request.get("method", "GET")), request["uri"], host, name)


def made(method: str, uri: str, host: str, name: str) -> HttpRequest:
    """Return a request of which no header is known: a browser's, and an empty body."""
    empty = (("Content-Length", "0"),) if method in _WITH_BODY else ()
    return HttpRequest(method, target_of(uri), (("Host", host), *BROWSER, *empty), name=name)
