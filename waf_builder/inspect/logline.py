"""A line of the WAF's own logs, as far as it says what was asked."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from waf_builder.inspect.request import BROWSER, HttpRequest, RequestError, target_of


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
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict):
        return None
    if isinstance(record.get("transaction"), dict):
        return _audited(record["transaction"], name)
    return _logged(record, name)


def _audited(transaction: Mapping[str, Any], name: str) -> HttpRequest | None:
    request = transaction.get("request")
    if not isinstance(request, dict) or not isinstance(request.get("uri"), str):
        return None
    host = str(transaction.get("hostname") or "localhost")
    return _made(str(request.get("method", "GET")), request["uri"], host, name)


def _logged(record: Mapping[str, Any], name: str) -> HttpRequest | None:
    method, path = (_first(record, keys) for keys in (_METHOD, _PATH))
    if not method or not path:
        return None
    return _made(method, path, _first(record, _HOST) or "localhost", name)


_METHOD = ("http.request.method", "method")
_PATH = ("url.path", "path")
_HOST = ("url.domain", "server.address", "host")


def _first(record: Mapping[str, Any], keys: Iterable[str]) -> str:
    return next((str(record[key]) for key in keys if isinstance(record.get(key), str)), "")


def _made(method: str, uri: str, host: str, name: str) -> HttpRequest:
    return HttpRequest(method, target_of(uri), (("Host", host), *BROWSER), name=name)
