"""Requests put to libmodsecurity in this process, on the way that nginx would send them."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from waf_builder.inspect.answer import Answer, answer
from waf_builder.inspect.forwarded import forwarded
from waf_builder.inspect.head import Refused, Unclear, read_head
from waf_builder.inspect.library import Library, unwanted
from waf_builder.inspect.location import Locator
from waf_builder.inspect.request import HttpRequest
from waf_builder.inspect.routing import Routing

if TYPE_CHECKING:
    from typing_extensions import Self

_OFF = "off"
_OK = 200
_NOTHING: Mapping[str, Any] = {}


class LibraryJudge:
    """The rules of one spec, asked in this process; to be entered and left like NginxJudge."""

    def __init__(self, routing: Routing, library: Library) -> None:
        self._locator, self._library = Locator(routing), library

    def __enter__(self) -> Self:
        """Load the rules of all routes; LibraryError when they cannot be."""
        self._library.__enter__()
        try:
            self._library.load()
        except BaseException:
            self._library.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of them."""
        self._library.__exit__()

    def after_fork(self) -> None:
        """Be the judge of a process that is a copy of the one that entered this one."""
        self._library.after_fork()

    def judge(self, requests: Iterable[HttpRequest]) -> Iterator[Answer]:
        """Yield the answer to each request, in order."""
        mark = f"waf-inspect-{secrets.token_hex(8)}"
        for number, request in zip(itertools.count(), requests):
            yield self._answer(request, f"{mark}-{number}")

    def again(self, request: HttpRequest, first: str) -> Answer:
        """Return the answer to a request with rules, as SecLang, that run before all others."""
        return self._answer(request, f"waf-inspect-{secrets.token_hex(8)}", first)

    def _answer(self, request: HttpRequest, key: str, first: str = "") -> Answer:
        try:
            head = read_head(forwarded(request, key))
            met = self._locator.locate(head)
        except Refused as refused:
            return answer(request, refused.status, {}, {})
        except Unclear as unclear:
            return answer(request, 0, {}, {}, note=f"only nginx can tell what becomes of {unclear}")
        route = met.route
        if route is None or met.status:
            return answer(request, met.status, {}, {})
        access = {"route": route.label, "backend_status": ""}
        if route.mode == _OFF:
            status, record = unwanted(head, route) or _OK, _NOTHING
        else:
            status, record = self._library.ask(head, route, key, first)
        if status == _OK:
            access["backend_status"] = str(_OK)
        return answer(request, status, access, record)
