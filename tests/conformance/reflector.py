"""The backend that the tests expect: it answers what it is told to, else an empty 200.

The paths are those of the project's own test backend: https://github.com/coreruleset/albedo
"""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from typing import Any

from support.answers import Exchange
from support.backends import Backend, containers

_PHRASES = {200: "OK", 301: "Moved Permanently", 302: "Found", 404: "Not Found"}


@contextlib.contextmanager
def reflector() -> Iterator[Backend]:
    """Run the backend on a loopback address and a free port."""
    configured: dict[tuple[str, str], dict[str, Any]] = {}

    def answer(exchange: Exchange) -> None:
        received = exchange.request
        target = received.target.decode("latin-1")
        asked = (received.method, target.partition("?")[0].rstrip("/"))
        if asked == ("POST", "/reflect"):
            _reflect(exchange, _document(received.body))
        elif asked == ("POST", "/configure_reflection"):
            document = _document(received.body)
            for endpoint in document.pop("endpoints", ()):
                configured[endpoint["method"], endpoint["url"]] = document
            exchange.respond(b"")
        elif asked == ("PUT", "/reset"):
            configured.clear()
            exchange.respond(b"")
        else:
            _reflect(exchange, configured.get((received.method, target), {}))

    with containers() as (backend,):
        backend.on("", answer)
        yield backend


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {"status": 400}
    return document if isinstance(document, dict) else {"status": 400}


def _reflect(exchange: Exchange, document: dict[str, Any]) -> None:
    status = document.get("status", 200)
    body = document.get("body", "").encode() or base64.b64decode(document.get("encodedBody", ""))
    headers = [(name, str(value)) for name, value in document.get("headers", {}).items()]
    if body and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "text/plain; charset=utf-8"))
    exchange.respond(body, f"{status} {_PHRASES.get(status, 'Status')}", headers)
