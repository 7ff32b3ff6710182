"""A whole `backend.yaml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from waf_builder.spec.model.access import Access
from waf_builder.spec.model.auth import BasicAuth
from waf_builder.spec.model.backend import SOLE_BACKEND, Backend, BackendName
from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.model.client import ClientIp
from waf_builder.spec.model.errors import Errors
from waf_builder.spec.model.headers import Headers
from waf_builder.spec.model.health import Health
from waf_builder.spec.model.limits import Connections, RateLimit
from waf_builder.spec.model.logs import Logs
from waf_builder.spec.model.route import Route
from waf_builder.spec.model.waf import WafPolicy
from waf_builder.spec.types import HostName, ListOf, Size


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

    access: Access | None = None
    """Who may come, on every route that has no `access` of its own; left out, everybody."""

    basic_auth: BasicAuth | None = None
    """A name and password to ask for; left out, none."""

    rate_limit: RateLimit | None = None
    """How often one client may come, over all routes that have no `rate_limit` of their own."""

    max_connections: Connections | None = None
    """Requests of one client at the same time, over all routes without one of their own."""

    headers: Headers = Headers()
    """What is changed in headers, on every route."""

    https_only: bool = False
    """Send whoever comes by plain HTTP to HTTPS."""

    canonical_host: HostName | None = None
    """Send requests for any host that no route names to this one."""

    client_ip: ClientIp = ClientIp()
    """Who the client is."""

    health: Health = Health()
    """The WAF's own health check."""

    errors: Errors = Errors()
    """The WAF's own answers."""

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
