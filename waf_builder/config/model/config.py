"""A whole configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from waf_builder.config.model.backend import Backend, BootField, Timeouts
from waf_builder.config.model.policy import CrsSetup, Policy, RoutePolicy
from waf_builder.config.model.server import ErrorPage, Server
from waf_builder.config.model.target import Target


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

    @property
    def restricts_content_types(self) -> bool:
        """Whether any route refuses types of bodies, so that a 415 has to name the others."""
        return any(
            location.content_types for server in self.servers for location in server.locations
        )
