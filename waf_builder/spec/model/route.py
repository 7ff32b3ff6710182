"""Routes: which requests go where, and what they may do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from waf_builder.spec.model.access import Access
from waf_builder.spec.model.auth import BasicAuth
from waf_builder.spec.model.base import OrOff, SpecModel
from waf_builder.spec.model.headers import Headers
from waf_builder.spec.model.limits import Connections, RateLimit
from waf_builder.spec.model.waf import WafOverride
from waf_builder.spec.types import ContentType, Duration, ListOf, Method, Path, ServerName, Size

PresetName = Literal["json-api", "graphql", "upload", "webhook", "static", "admin"]


class RouteTimeouts(SpecModel):
    """A route's own timeouts; what is left out is the backend's."""

    connect: Duration | None = None
    """To open a connection."""

    send: Duration | None = None
    """Between two writes of the request."""

    read: Duration | None = None
    """Between two reads of the response, the first byte included."""


class Route(SpecModel):
    """Which requests go where, and what they may do."""

    path: Path
    """A prefix of the path; the longest that fits wins, as in nginx."""

    exact: bool = False
    """Match this one path only."""

    hosts: ListOf[ServerName] = ()
    """Host names; left out, the route holds for every host."""

    backend: str | None = None
    """The name of a backend; may be left out where there is only one."""

    preset: PresetName | None = None
    """What such a route usually needs, in place of its keys; `waf-builder presets` shows it."""

    methods: ListOf[Method] = ()
    """Request methods; any other is answered 405. GET includes HEAD. Left out: all."""

    content_types: Annotated[ListOf[ContentType], Field(max_length=50)] = ()
    """Types of request bodies; any other, and none, is answered 415. Left out: all of `waf`."""

    max_body: Size | None = None
    """The largest request body; left out, the spec's."""

    websocket: bool = False
    """Pass WebSocket handshakes on; frames are not inspected."""

    streaming: bool = False
    """Pass each piece of the response on at once, for server-sent events; it is not inspected."""

    timeouts: RouteTimeouts = RouteTimeouts()
    """How long to wait for the backend on this route."""

    waf: WafOverride = WafOverride()
    """What the Core Rule Set does differently here."""

    access: Annotated[Access | Literal["off"] | None, OrOff()] = None
    """Who may come here, instead of the spec's `access`; off: everybody."""

    basic_auth: Annotated[BasicAuth | Literal["off"] | None, OrOff()] = None
    """The name and password to ask for here, instead of the spec's; off: none."""

    rate_limit: Annotated[RateLimit | Literal["off"] | None, OrOff()] = None
    """How often one client may come here, counted by itself; off: as often as it likes."""

    max_connections: Annotated[Connections | Literal["off"] | None, OrOff()] = None
    """Requests of one client to this route at the same time, counted by themselves; off: any."""

    headers: Headers = Headers()
    """What is changed in headers here, besides what the spec changes."""
