"""What a user writes: every field of `backend.yaml`, and every default, once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from waf_builder.spec.address import AppId, Host, NetworkId, Port, Process
from waf_builder.spec.contenttypes import CONTENT_TYPES
from waf_builder.spec.environment import Deferred
from waf_builder.spec.types import (
    Cidr,
    ContentType,
    CrsVersion,
    Duration,
    HeaderName,
    HostHeader,
    ListOf,
    Method,
    Path,
    ServerName,
    Size,
    Sticky,
)

Mode = Literal["block", "detect", "off"]
ParanoiaLevel = Annotated[int, Field(ge=1, le=4)]
Threshold = Annotated[int, Field(ge=1, le=10_000)]
BackendName = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,30}$")]

SOLE_BACKEND = "backend"
"""The name of the backend that stands under `backend:`."""


class SpecModel(BaseModel):
    """Frozen and strict: an unknown key is an error, and no value is converted silently."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        use_attribute_docstrings=True,
        arbitrary_types_allowed=True,
    )


class Timeouts(SpecModel):
    """How long to wait for a backend; the platform's router gives up after 30 s."""

    connect: Duration = 2_000
    """To open a connection. Addresses live 5 s, so a dead one should cost little."""

    send: Duration = 28_000
    """Between two writes of the request."""

    read: Duration = 28_000
    """Between two reads of the response, the first byte included."""


class RouteTimeouts(SpecModel):
    """A route's own timeouts; what is left out is the backend's."""

    connect: Duration | None = None
    """To open a connection."""

    send: Duration | None = None
    """Between two writes of the request."""

    read: Duration | None = None
    """Between two reads of the response, the first byte included."""


class Backend(SpecModel):
    """An app in the private network: `app_id` and `port`, or any other `host` and `port`."""

    process: Process | None = None
    """The process type of the backend's Procfile that serves the app privately."""

    port: Port
    """The port that it listens on; the platform cannot tell."""

    app_id: AppId | None = None
    """The backend's application id, ap-<uuid>."""

    network_id: NetworkId = Deferred("SCALINGO_PRIVATE_NETWORK_ID")
    """The private network's id, pn-<uuid>; left out, the WAF's own network, read at boot."""

    index: Annotated[int, Field(ge=1, le=1022)] | None = None
    """Pins one container of the process; left out, all of them share the load."""

    host: Host | None = None
    """Any other internal name or address, instead of the ids."""

    balance: Literal["round_robin", "least_conn", "random"] = "round_robin"
    """Which container gets the next request."""

    sticky: Sticky | None = None
    """Keeps a client on one container: client_ip or cookie:NAME."""

    keepalive: Annotated[int, Field(ge=0, le=1024)] = 32
    """Idle connections that each worker keeps open to the backend; 0 keeps none."""

    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """Further containers to try when one cannot be reached; POST and PATCH are never repeated."""

    timeouts: Timeouts = Timeouts()
    """How long to wait for it."""

    host_header: HostHeader = "preserve"
    """The Host that the backend sees: preserve (the client's), internal, or a name."""


class WafPolicy(SpecModel):
    """How strict the Core Rule Set is."""

    mode: Mode = "block"
    """block refuses attacks, detect only logs them, off does not look."""

    paranoia_level: ParanoiaLevel = 1
    """1-4; a higher level blocks more, and more wrongly."""

    detection_paranoia_level: ParanoiaLevel | None = None
    """Rules above paranoia_level and up to this only log; left out, there are none."""

    inbound_anomaly_threshold: Threshold = 5
    """Score at which a request is refused; one critical match scores 5."""

    outbound_anomaly_threshold: Threshold = 4
    """Score at which a response is refused; one error match scores 4."""

    early_blocking: bool = False
    """Refuse after the headers already, before the body is read (Core Rule Set 4)."""

    inspect_responses: bool = False
    """Look for leaks in responses; costs CPU and detects more than it prevents."""

    allowed_methods: ListOf[Method] = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
    """Request methods; any other is a critical match."""

    allowed_content_types: ListOf[ContentType] = CONTENT_TYPES
    """Content types of request bodies; any other is a critical match."""

    max_arguments: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Form fields, query parameters and JSON values of one request; more are refused."""

    crs: CrsVersion | None = None
    """A major or an exact version of the Core Rule Set; left out, the newest the engine takes."""


class WafOverride(SpecModel):
    """What a route does differently; a key that is left out keeps the value of `waf`."""

    mode: Mode | None = None
    """block refuses attacks, detect only logs them, off does not look."""

    paranoia_level: ParanoiaLevel | None = None
    """1-4; a higher level blocks more, and more wrongly."""

    detection_paranoia_level: ParanoiaLevel | None = None
    """Rules above paranoia_level and up to this only log."""

    inbound_anomaly_threshold: Threshold | None = None
    """Score at which a request is refused."""

    outbound_anomaly_threshold: Threshold | None = None
    """Score at which a response is refused."""

    early_blocking: bool | None = None
    """Refuse after the headers already (Core Rule Set 4)."""

    inspect_responses: bool | None = None
    """Look for leaks in responses."""

    allowed_methods: ListOf[Method] | None = None
    """Request methods; any other is a critical match."""

    allowed_content_types: ListOf[ContentType] | None = None
    """Content types of request bodies; any other is a critical match."""

    max_arguments: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Form fields, query parameters and JSON values of one request."""


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

    methods: ListOf[Method] = ()
    """Request methods; any other is answered 405. GET includes HEAD. Left out: all."""

    max_body: Size | None = None
    """The largest request body; left out, the spec's."""

    websocket: bool = False
    """Pass WebSocket handshakes on; frames are not inspected."""

    streaming: bool = False
    """Pass each piece of the response on at once, for server-sent events."""

    timeouts: RouteTimeouts = RouteTimeouts()
    """How long to wait for the backend on this route."""

    waf: WafOverride = WafOverride()
    """What the Core Rule Set does differently here."""


class ClientIp(SpecModel):
    """Who the client is, seen from behind other proxies."""

    header: HeaderName = "X-Real-IP"
    """The header in which the proxy before the WAF names the client."""

    trusted: ListOf[Cidr] = ("172.16.0.0/12",)
    """Ranges whose word is taken; the platform's router is in the default one."""


class Health(SpecModel):
    """The WAF's own health check."""

    path: Path = "/__waf/health"
    """Answered 200 by the WAF itself, neither inspected nor logged."""


class Logs(SpecModel):
    """What is written to the log."""

    access: Literal["all", "errors", "off"] = "all"
    """One line a request, only those refused or failed (status 400 and above), or none."""


class Spec(SpecModel):
    """A whole `backend.yaml`."""

    backend: Backend | None = None
    """The one backend."""

    backends: dict[BackendName, Backend] = Field(default_factory=dict)
    """Several backends, by name."""

    routes: ListOf[Route] = ()
    """Left out, everything goes to the one backend."""

    waf: WafPolicy = WafPolicy()
    """How strict the Core Rule Set is, unless a route says otherwise."""

    max_body: Size = 10 * 1024**2
    """The largest request body, for nginx and ModSecurity alike."""

    client_ip: ClientIp = ClientIp()
    """Who the client is."""

    health: Health = Health()
    """The WAF's own health check."""

    logs: Logs = Logs()
    """What is written to the log."""

    workers: Annotated[int, Field(ge=1, le=64)] | None = None
    """nginx worker processes; left out, as many as the container's memory and cores allow."""

    def all_backends(self) -> dict[str, Backend]:
        """Return every backend by name."""
        return {SOLE_BACKEND: self.backend} if self.backend else dict(self.backends)

    def all_routes(self) -> tuple[Route, ...]:
        """Return the routes; one for everything where the spec has none."""
        return self.routes or (Route(path="/"),)
