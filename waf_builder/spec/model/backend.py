"""The apps behind the WAF."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from waf_builder.spec.address import AppId, Host, NetworkId, Port, Process
from waf_builder.spec.environment import Deferred
from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.types import Duration, HostHeader, Sticky

BackendName = Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,30}$")]

SOLE_BACKEND = "backend"
"""The name of the backend that stands under `backend:`."""


class Timeouts(SpecModel):
    """How long to wait for a backend; the platform's router gives up after 30 s."""

    connect: Duration = 2_000
    """To open a connection. Addresses live 5 s, so a dead one should cost little."""

    send: Duration = 28_000
    """Between two writes of the request."""

    read: Duration = 28_000
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
