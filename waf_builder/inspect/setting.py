"""The keys of a spec that say themselves what passes: to be turned, instead of an exclusion."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from waf_builder.inspect.answer import MAX_ARGUMENTS, Answer
from waf_builder.inspect.forwarded import forwarded
from waf_builder.inspect.head import Refused, Unclear, read_head
from waf_builder.inspect.location import Locator
from waf_builder.inspect.request import FORM, HttpRequest
from waf_builder.inspect.routing import Route, Routing
from waf_builder.spec.types import ContentType, Method

At = Literal["", "waf", "route", "route.waf"]
"""Where lines of a proposal stand: at the top of the spec, below its `waf`, in a route, or below
the `waf` of one."""

_KEYS = {
    911100: "allowed_methods",
    920420: "allowed_content_types",
    MAX_ARGUMENTS: "max_arguments",
}
"""Rules that only say what a key says."""
_TYPES: dict[str, TypeAdapter[str]] = {
    "methods": TypeAdapter(Method),
    "allowed_methods": TypeAdapter(Method),
    "content_types": TypeAdapter(ContentType),
    "allowed_content_types": TypeAdapter(ContentType),
}
_WIDTH = 74
"""Of a line: it is shown behind six spaces, on 80 columns."""
_MOST_ARGUMENTS = 100_000
_HUNDRED = 100
_MEGABYTE = 1024**2
_MOST_BODY = 75
"""Megabytes that the platform's router takes."""
_NO_TYPE = (
    "The body does not say its type, and the route only takes some: the client has to send a"
    " Content-Type."
)


@dataclass(frozen=True)
class Setting:
    """A key with the value that lets a request pass: its present one, and what is missing in it.

    at, route: where it stands; route: a label, empty where it is for all. added: what is new in the
    value. rule: which only says the same, 0 for nginx.
    """

    at: At
    route: str
    key: str
    value: tuple[str, ...]
    added: tuple[str, ...]
    rule: int

    @property
    def lines(self) -> list[str]:
        """The key as YAML."""
        if self.key in _TYPES:
            text = f"{self.key}: [{', '.join(self.value)}]"
            return textwrap.wrap(
                text, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
            )
        return [f"{self.key}: {self.value[0]}"]

    def merged(self, other: Setting) -> Setting:
        """Return the same key for what this one and another let pass."""
        if self.key in _TYPES:
            more = tuple(one for one in other.added if one not in self.value)
            return replace(self, value=self.value + more, added=self.added + more)
        return max(self, other, key=lambda one: int(one.value[0].rstrip("m")))


def settings_for(answer: Answer, routing: Routing, threshold: int) -> Iterator[Setting]:
    """Yield the keys of which a rule that matched only says the same, as many as are needed."""
    left = answer.score
    for match in answer.matches:
        if match.rule not in _KEYS or (match.rule != MAX_ARGUMENTS and left < threshold):
            continue
        if found := _of_rules(match.rule, answer, routing):
            left -= match.score
            yield found


def _of_rules(rule: int, answer: Answer, routing: Routing) -> Setting | None:
    key = _KEYS[rule]
    present, own = routing.allowed(answer.route, key)
    own = own or routing.several_routes
    at: At = "route.waf" if own else "waf"
    route = answer.route if own else ""
    if rule == MAX_ARGUMENTS:
        wanted = _rounded(_arguments(answer.request))
        fits = present and int(present[0]) < wanted <= _MOST_ARGUMENTS
        return Setting(at, route, key, (str(wanted),), (), rule) if fits else None
    request = answer.request
    wanted_name = request.method if key == "allowed_methods" else _type_of(request)
    return _listing(key, present, wanted_name, Setting(at, route, key, (), (), rule))


def _listing(key: str, present: Sequence[str], name: str, empty: Setting) -> Setting | None:
    """Return a list with a name more; None where no spec can have it, or it is there."""
    if not present or name in present:
        return None
    try:
        added = _TYPES[key].validate_python(name)
    except ValidationError:
        return None
    return replace(empty, value=(*present, added), added=(added,))


def setting_of_nginx(answer: Answer, routing: Routing) -> Setting | str | None:
    """Return the key for which nginx refused a request before the rules.

    A text says why there is none that would let it pass; None for another reason than a key.
    """
    route = routing.route(answer.route)
    request = answer.request
    if answer.verdict != "reject":
        return None
    if answer.status == 413:  # noqa: PLR2004
        return _larger_body(request, routing)
    if route is None:
        return None
    if answer.status == 405 and route.methods:  # noqa: PLR2004
        key, pattern, name = "methods", route.methods, request.method
    elif answer.status == 415 and route.content_types:  # noqa: PLR2004
        key, pattern, name = "content_types", route.content_types, _type_of(request)
        if not name:
            return _NO_TYPE
    else:
        return None
    present = re.sub(r"\[(.)\]", r"\1", pattern).split("|")
    return _listing(key, present, name, Setting("route", route.label, key, (), (), 0))


def _larger_body(request: HttpRequest, routing: Routing) -> Setting | str | None:
    route = _met(request, routing)  # which nginx does not log where it answers 413
    if route is None or not 0 < route.max_body < len(request.body):
        return None
    wanted = -(-len(request.body) // _MEGABYTE)
    if wanted > _MOST_BODY:
        return (
            f"The body has more than {_MOST_BODY} MB, which the platform's router refuses itself."
        )
    own = routing.several_routes or route.max_body != routing.max_body
    at: At = "route" if own else ""
    return Setting(at, route.label if own else "", "max_body", (f"{wanted}m",), (), 0)


def _met(request: HttpRequest, routing: Routing) -> Route | None:
    try:
        return Locator(routing).locate(read_head(forwarded(request, ""))).route
    except (Refused, Unclear):
        return None


def _type_of(request: HttpRequest) -> str:
    return request.header("content-type").partition(";")[0].strip().lower()


def _rounded(count: int) -> int:
    return count if count <= _HUNDRED else -(-count // _HUNDRED) * _HUNDRED


def _arguments(request: HttpRequest) -> int:
    """Return how many arguments a request has, or some more: ModSecurity stops to count."""
    kind = _type_of(request)
    count = _pairs(request.target.partition("?")[2].encode("latin-1"))
    if kind == FORM:
        count += _pairs(request.body)
    elif kind.startswith("multipart/"):
        count += request.body.lower().count(b"content-disposition:")
    elif "json" in kind:
        try:
            count += _leaves(json.loads(request.body))
        except (ValueError, RecursionError):
            count += request.body.count(b",") + request.body.count(b":") + 1
    return count


def _pairs(data: bytes) -> int:
    return data.count(b"&") + 1 if data else 0


def _leaves(value: object) -> int:
    inner: Iterable[object] = ()
    if isinstance(value, dict):
        inner = value.values()
    elif isinstance(value, list):
        inner = value
    return sum(map(_leaves, inner)) or 1
