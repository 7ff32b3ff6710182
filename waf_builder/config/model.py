"""What nginx and the Core Rule Set get: nouns of nginx.conf, ready to print.

Nothing here is decided any more: templates loop over these values and print them. Sizes are in
bytes, times in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from waf_builder.problem import Place
from waf_builder.version import Version

Form = Literal["address", "resolve", "variable"]
Locator = Callable[[tuple[str | int, ...]], Place | None]
"""Says where a field of the spec stands, if that is known; takes the keys that lead to it."""


@dataclass(frozen=True)
class Target:
    """The versions that a configuration is written for."""

    nginx: Version
    modsecurity: Version
    connector: Version
    crs: Version

    @property
    def logs_redirected_refusals(self) -> bool:
        """Whether a refusal that got an own error page still reaches the audit log.

        Before ModSecurity-nginx 1.0.4 the redirect to the page loses the transaction.
        https://github.com/owasp-modsecurity/ModSecurity-nginx/pull/346
        """
        return self.connector >= Version(1, 0, 4)

    @property
    def resolves_upstreams(self) -> bool:
        """`server NAME resolve` is in open-source nginx since 1.27.3.

        https://nginx.org/en/docs/http/ngx_http_upstream_module.html#resolve
        """
        return self.nginx >= Version(1, 27, 3)

    @property
    def keeps_upstreams_by_default(self) -> bool:
        """Upstreams keep idle connections unless told not to since nginx 1.29.7.

        https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive
        """
        return self.nginx >= Version(1, 29, 7)

    def __str__(self) -> str:
        return f"nginx {self.nginx}, libmodsecurity {self.modsecurity}, CRS {self.crs}"


@dataclass(frozen=True)
class BootField:
    """A part of a backend's address that only the running container knows.

    pattern: POSIX extended regular expression for the whole value, without white space.
    where: the spec's field. sample: a plausible value, for checks before boot.
    """

    token: str
    name: str
    prefix: str
    suffix: str
    default: str
    pattern: str
    where: str
    sample: str


@dataclass(frozen=True)
class Timeouts:
    """How long a location waits for its backend."""

    connect: int
    send: int
    read: int


@dataclass(frozen=True)
class Backend:
    """Where requests go, and how its address is found.

    address: `name:port`; holds @TOKEN@s where `fields` is not empty.
    form: `address` never resolves, `resolve` does in the upstream, `variable` in proxy_pass.
    sticky: the key that keeps a client on one container, an nginx variable.
    keepalive: idle connections a worker keeps; None where leaving it out means none.
    """

    name: str
    variable: str
    address: str
    form: Form
    fields: tuple[BootField, ...]
    balance: str
    sticky: str
    sticky_cookie: str
    keepalive: int | None
    tries: int
    host_header: str
    timeouts: Timeouts

    @property
    def proxy_pass(self) -> str:
        """The argument of proxy_pass, without a path: the client's goes through unchanged."""
        return f"http://${self.variable}" if self.form == "variable" else f"http://{self.name}"

    @property
    def deferred(self) -> bool:
        """Whether its address is filled in at boot."""
        return bool(self.fields)


@dataclass(frozen=True)
class Policy:
    """How strict ModSecurity and the Core Rule Set are.

    variables: the rule set's own, `tx.` left out, in the order they are set.
    arguments_limit: where ModSecurity stops reading arguments.
    """

    engine: Literal["On", "DetectionOnly", "Off"]
    variables: tuple[tuple[str, str], ...]
    max_body: int
    arguments_limit: int
    response_access: Literal["On", "Off"]


@dataclass(frozen=True)
class RoutePolicy:
    """What one route's policy does differently; each part is None where it does not.

    file: below the rendered tree.
    """

    file: str
    route: str
    engine: str | None
    variables: tuple[tuple[str, str], ...] | None
    max_body: int | None
    arguments_limit: int | None
    response_access: str | None


@dataclass(frozen=True)
class Location:
    """One location of a server.

    modifier: `=`, or empty for a prefix. label: how logs name the route.
    methods: a pattern of the allowed ones, empty for all; allow: the same as a header.
    own_proxy_headers: nginx inherits proxy_set_header all or nothing, so a location that needs
    one more gets them all.
    timeouts, tries: None where the http level's hold.
    """

    label: str
    modifier: str
    path: str
    backend: Backend
    mode: str
    policy: RoutePolicy | None
    methods: str
    allow: str
    max_body: int | None
    websocket: bool
    streaming: bool
    inspect_responses: bool
    own_proxy_headers: bool
    timeouts: Timeouts | None
    tries: int | None


@dataclass(frozen=True)
class Server:
    """One server block; without names it is the default one, for every other host."""

    names: tuple[str, ...]
    locations: tuple[Location, ...]
    answers_everything: bool


@dataclass(frozen=True)
class ErrorPage:
    """One page that the WAF itself answers with."""

    status: int
    title: str
    text: str


@dataclass(frozen=True)
class CrsSetup:
    """What the Core Rule Set is told once, whatever the route.

    score: the variable that a critical match adds to at paranoia level 1.
    inspects_xml_attributes: whether the rule set itself looks into attributes of XML bodies.
    finds_jndi_everywhere: whether it looks for Log4Shell in headers, too (its rule 944150).
    """

    variables: tuple[tuple[str, str], ...]
    score: str
    inspects_xml_attributes: bool
    finds_jndi_everywhere: bool


@dataclass(frozen=True)
class Config:
    """A whole configuration.

    workers: their number, or the token that boot fills in.
    routes_differ: whether it matters which route a request meets, so that its path has to mean
    the same to nginx and to the backend.
    guarded_paths: patterns of requests that do not spell out the path of the route they meet.
    """

    target: Target
    backends: tuple[Backend, ...]
    servers: tuple[Server, ...]
    policy: Policy
    crs: CrsSetup
    route_policies: tuple[RoutePolicy, ...]
    timeouts: Timeouts
    tries: int
    max_body: int
    client_ip_header: str
    trusted: tuple[str, ...]
    health_path: str
    access_log: Literal["all", "errors", "off"]
    workers: str
    rules_before_crs: tuple[str, ...]
    rules_after_crs: tuple[str, ...]
    error_pages: tuple[ErrorPage, ...]
    error_page_statuses: tuple[int, ...]
    routes_differ: bool
    guarded_paths: tuple[str, ...]

    @property
    def boot_fields(self) -> tuple[BootField, ...]:
        """Every value that the running container takes from its environment."""
        return tuple(field for backend in self.backends for field in backend.fields)

    @property
    def resolves(self) -> bool:
        """Whether any backend has a name, so that nginx needs a resolver."""
        return any(backend.form != "address" for backend in self.backends)

    @property
    def restricts_methods(self) -> bool:
        """Whether any route refuses methods, so that a 405 has to name the others."""
        return any(location.methods for server in self.servers for location in server.locations)
