"""The way to a backend: a connection to each address, and a page from each."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from waf_builder.doctor.here import Here
from waf_builder.doctor.result import Result, failed, ok, printable, warning
from waf_builder.doctor.subject import Subject

PAGE_SECONDS = 3.0
_AT_ONCE = 16
_SHOWN = 4
_SERVER_ERROR = 500

_REFUSED = (
    "The container is there, and nothing listens on this port: is `port` right, and does the\n\
app listen on 0.0.0.0 rather than on 127.0.0.1?"
)
_SILENT = "Nothing answers there. The container may be gone, or not be in this private network."
_STALE = "nginx tries another address then. Addresses of a container that has just ended go away."
_NOT_HTTP = "Something listens there that does not speak HTTP in time: is `port` right?"
_ILL = "The app is reached and has an error of its own: see its log."

Attempt = tuple[str, str]
"""What was seen, or why nothing was: (seen, reason)."""


def check_connection(
    subject: Subject, addresses: Sequence[str], port: int, here: Here
) -> tuple[Result, list[str]]:
    """Return whether each address takes connections, and those that do."""
    seconds = subject.backend.timeouts.connect / 1000
    attempts = _each(addresses, lambda address: _connect(address, port, here.left(seconds)))
    good = [address for address, (_, reason) in attempts.items() if not reason]
    seen = _told(attempts, good)
    check = f"{subject.label}: connection"
    if len(good) == len(addresses):
        return ok(check, f"port {port}: {seen}"), good
    refused = any(reason == "Connection refused" for _, reason in attempts.values())
    if good:
        return warning(check, f"port {port}: {seen}", _STALE), good
    return failed(check, f"port {port}: {seen}", _REFUSED if refused else _SILENT), good


def check_page(subject: Subject, addresses: Sequence[str], port: int, here: Here) -> Result:
    """Return what a GET for the backend's first path is answered."""
    statuses: dict[str, int] = {}

    def ask(address: str) -> Attempt:
        return _page(subject, address, port, statuses, here.left(PAGE_SECONDS))

    attempts = _each(addresses, ask)
    good = [address for address, (_, reason) in attempts.items() if not reason]
    seen = f"GET {printable(subject.path, 60)}: {_told(attempts, good)}"
    check = f"{subject.label}: page"
    if not good:
        return failed(check, seen, _NOT_HTTP)
    if len(good) < len(addresses):
        return warning(check, seen, _NOT_HTTP)
    if any(status >= _SERVER_ERROR for status in statuses.values()):
        return warning(check, seen, _ILL)
    return ok(check, seen)


def _each(addresses: Sequence[str], attempt: Callable[[str], Attempt]) -> Mapping[str, Attempt]:
    with ThreadPoolExecutor(min(_AT_ONCE, len(addresses))) as pool:
        return dict(zip(addresses, pool.map(attempt, addresses), strict=True))


def _told(attempts: Mapping[str, Attempt], good: Sequence[str]) -> str:
    """Return what happened at each address, the bad ones first, a few of many."""
    order = [*(one for one in attempts if one not in good), *good]
    told = [f"{one} {''.join(attempts[one])}" for one in order[:_SHOWN]]
    more = len(order) - _SHOWN
    return ", ".join(told) + (f" and {more} more" if more > 0 else "")


def _connect(address: str, port: int, seconds: float) -> Attempt:
    began = time.monotonic()
    try:
        socket.create_connection((address, port), timeout=seconds).close()
    except TimeoutError:
        return "", f"no answer within {seconds:g} s"
    except OSError as error:
        return "", error.strerror or str(error)
    return f"in {_ms(began)}", ""


def _page(
    subject: Subject, address: str, port: int, statuses: dict[str, int], seconds: float
) -> Attempt:
    began = time.monotonic()
    connection = http.client.HTTPConnection(address, port, timeout=seconds)
    try:
        headers = {"Host": subject.host_header, "User-Agent": "waf-builder-doctor"}
        connection.request("GET", subject.path, headers=headers)
        response = connection.getresponse()
    except TimeoutError:
        return "", f"no answer within {seconds:g} s"
    except (OSError, http.client.HTTPException, ValueError) as error:
        return "", _no_page(error)
    finally:
        connection.close()
    statuses[address] = response.status
    server = response.getheader("Server")
    named = f" ({printable(server, 40)})" if server else ""
    return f"{response.status} in {_ms(began)}{named}", ""


def _no_page(error: Exception) -> str:
    if isinstance(error, http.client.BadStatusLine) and not isinstance(
        error, http.client.RemoteDisconnected
    ):
        return "no HTTP"
    return getattr(error, "strerror", None) or printable(str(error), 60)


def _ms(began: float) -> str:
    return f"{(time.monotonic() - began) * 1000:.1f} ms"
