"""A whole configuration."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.config.model.auth import BasicAuth
from waf_builder.config.model.backend import Backend, BootField, Timeouts
from waf_builder.config.model.corrections import Correction
from waf_builder.config.model.detection import Detection
from waf_builder.config.model.exclusion import Exclusion
from waf_builder.config.model.gate import AddressList, Gate
from waf_builder.config.model.headers import Headers
from waf_builder.config.model.limits import ClientKey, ConnectionLimit, RateLimit
from waf_builder.config.model.logs import Logs
from waf_builder.config.model.plugins import PluginRules
from waf_builder.config.model.policy import CrsSetup, Policy, RoutePolicy
from waf_builder.config.model.server import ErrorPage, Server
from waf_builder.config.model.target import Target
from waf_builder.problem import Problem


@dataclass(frozen=True)
class Config:
    """A whole configuration.

    workers: their number, or the token that boot fills in.
    routes_differ: whether it matters which route a request meets, so that its path has to mean
    the same to nginx and to the backend.
    trusted: ranges of the router. real_ip_from: of all whose word about the client counts.
    required_proxies: ranges of a CDN through which every request has to come.
    client_headers: what the backend gets of headers about the client, as nginx writes it.
    removed_headers: what it never gets from a client.
    address_lists: all that any part of the configuration asks.
    access_everywhere: asked for every request. access_elsewhere: asked where no route is.
    request_headers: further ones for the backend; empty takes a client's away.
    canonical_host: where requests for a host that no route names are sent; empty for nowhere.
    own_paths: patterns of the paths that the WAF itself answers, whoever asks.
    rule_set: what main.conf includes as the Core Rule Set: the installed one, or the compiled.
    screens: whether main.conf includes the screens of the compiled rules.
    guarded_paths: patterns of requests that do not spell out the path of the route they meet.
    exclusions: those that hold whatever the route. warnings: what to know about all of this.
    """

    target: Target
    backends: tuple[Backend, ...]
    servers: tuple[Server, ...]
    policy: Policy
    crs: CrsSetup
    corrections: tuple[Correction, ...]
    detections: tuple[Detection, ...]
    route_policies: tuple[RoutePolicy, ...]
    timeouts: Timeouts
    tries: int
    max_body: int
    client_ip_header: str
    trusted: tuple[str, ...]
    real_ip_from: tuple[str, ...]
    required_proxies: tuple[str, ...]
    client_headers: tuple[tuple[str, str], ...]
    removed_headers: tuple[str, ...]
    health_path: str
    logs: Logs
    workers: str
    exclusions: tuple[Exclusion, ...]
    rules_before_crs: tuple[str, ...]
    rules_after_crs: tuple[str, ...]
    plugins: PluginRules
    rule_set: str
    screens: bool
    error_pages: tuple[ErrorPage, ...]
    error_page_statuses: tuple[int, ...]
    routes_differ: bool
    guarded_paths: tuple[str, ...]
    address_lists: tuple[AddressList, ...]
    access_everywhere: AddressList | None
    access_elsewhere: AddressList | None
    request_headers: tuple[tuple[str, str], ...]
    response_headers: Headers
    https_only: bool
    canonical_host: str
    own_paths: tuple[str, ...]
    warnings: tuple[Problem, ...]

    @property
    def gates(self) -> tuple[Gate, ...]:
        """Every gate, once."""
        gates = (location.gate for server in self.servers for location in server.locations)
        return tuple(dict.fromkeys(gate for gate in gates if gate))

    @property
    def rate_limits(self) -> tuple[RateLimit, ...]:
        """Every limit of how often clients may come, once."""
        return tuple(dict.fromkeys(gate.rate for gate in self.gates if gate.rate))

    @property
    def connection_limits(self) -> tuple[ConnectionLimit, ...]:
        """Every limit of how many requests may be under way, once."""
        return tuple(dict.fromkeys(gate.connections for gate in self.gates if gate.connections))

    @property
    def client_keys(self) -> tuple[ClientKey, ...]:
        """Every key besides the address, once."""
        return tuple(dict.fromkeys(limit.client for limit in self.rate_limits if limit.client))

    @property
    def passwords(self) -> tuple[BasicAuth, ...]:
        """Every name and password that any route asks for, once."""
        return tuple(dict.fromkeys(gate.auth for gate in self.gates if gate.auth))

    @property
    def uses_security_headers(self) -> bool:
        """Whether any answer has one of the headers that make browsers stricter."""
        locations = (location for server in self.servers for location in server.locations)
        own = (location.headers.security for location in locations if location.headers)
        return bool(self.response_headers.security or any(own))

    @property
    def limits_clients(self) -> bool:
        """Whether anything is counted by client."""
        return any(gate.counts for gate in self.gates)

    @property
    def needs_own_paths(self) -> bool:
        """Whether anything is asked of every request, so that some must not be asked."""
        asks_who = self.access_everywhere or self.required_proxies
        return bool(asks_who or self.https_only or self.canonical_host)

    @property
    def canonical_pattern(self) -> str:
        """A regular expression for the one host."""
        return self.canonical_host.replace(".", "[.]")

    @property
    def canonical_scheme(self) -> str:
        """How the one host is asked."""
        return "https" if self.https_only else "$waf_scheme"

    @property
    def boot_fields(self) -> tuple[BootField, ...]:
        """Every value that the running container takes from its environment."""
        return tuple(field for backend in self.backends for field in backend.fields)

    @property
    def scoped_exclusions(self) -> tuple[Exclusion, ...]:
        """Those that hold for some requests only, which a rule has to look at first."""
        return tuple(one for one in self.exclusions if one.conditions)

    @property
    def fixed_exclusions(self) -> tuple[Exclusion, ...]:
        """Those that hold for every request."""
        return tuple(one for one in self.exclusions if not one.conditions)

    @property
    def excludes_by_host(self) -> bool:
        """Whether an exclusion holds for some hosts, so that a request may have one host only."""
        own = (one for policy in self.route_policies for one in policy.exclusions)
        return any(one.looks_at_host for one in (*self.exclusions, *own))

    @property
    def resolves(self) -> bool:
        """Whether any backend has a name, so that nginx needs a resolver."""
        return any(backend.form != "address" for backend in self.backends)

    @property
    def restricts_methods(self) -> bool:
        """Whether any route refuses methods, so that a 405 has to name the others."""
        return any(location.methods for server in self.servers for location in server.locations)

    @property
    def restricts_content_types(self) -> bool:
        """Whether any route refuses types of bodies, so that a 415 has to name the others."""
        return any(
            location.content_types for server in self.servers for location in server.locations
        )
