"""Servers, their locations, and the pages that they answer with."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.config.model.backend import Backend, Timeouts
from waf_builder.config.model.gate import Gate
from waf_builder.config.model.headers import Headers
from waf_builder.config.model.policy import RoutePolicy


@dataclass(frozen=True)
class Location:
    """One location of a server.

    modifier: `=`, or empty for a prefix. label: how logs name the route.
    gate: what stands before it; the location is then a named one, `behind_gate`.
    methods: a pattern of the allowed ones, empty for all; allow: the same as a header.
    content_types: a pattern of the allowed ones, empty for all; accept: the same as a header.
    holds_responses: whether the start of a response waits for the rules to have read all of it.
    request_headers: further ones for the backend; empty takes a client's away.
    headers: of responses; None where the http level's hold.
    own_proxy_headers: nginx inherits proxy_set_header all or nothing, so a location that needs
    one more gets them all.
    timeouts, tries: None where the http level's hold.
    """

    label: str
    modifier: str
    path: str
    gate: Gate | None
    behind_gate: str
    backend: Backend
    mode: str
    policy: RoutePolicy | None
    methods: str
    allow: str
    content_types: str
    accept: str
    max_body: int | None
    websocket: bool
    streaming: bool
    inspect_responses: bool
    holds_responses: bool
    own_proxy_headers: bool
    request_headers: tuple[tuple[str, str], ...]
    headers: Headers | None
    timeouts: Timeouts | None
    tries: int | None


@dataclass(frozen=True)
class Server:
    """One server block; without names it is the default one, for every other host.

    canonical_host: where its requests are sent; empty for nowhere.
    slash_redirects: paths that lack nothing but the slash at the end of a gated location's, and
    where they lead.
    """

    names: tuple[str, ...]
    locations: tuple[Location, ...]
    answers_everything: bool
    canonical_host: str
    slash_redirects: tuple[tuple[str, str], ...]

    @property
    def redirect_host(self) -> str:
        """The host of a redirect to HTTPS."""
        return self.canonical_host or "$host"


@dataclass(frozen=True)
class ErrorPage:
    """One page that the WAF itself answers with.

    reason: what the HTTP standard calls the status.
    """

    status: int
    reason: str
    title: str
    text: str
