"""Limits: how much one client may ask for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.types import ClientKey, Rate


class RateLimit(SpecModel):
    """How often one client may come; what is more is refused before a rule has looked."""

    rate: Rate
    """Requests a second or a minute: 20r/s, 30r/m."""

    burst: Annotated[int, Field(ge=0, le=100_000)] | None = None
    """Requests at once beyond the rate; left out, those of two seconds, and 5 or more."""

    by: ClientKey = "client_ip"
    """Who counts as one client: client_ip, header:NAME or cookie:NAME."""

    status: Annotated[int, Field(ge=400, le=599)] = 429
    """The answer to what is more."""

    dry_run: bool = False
    """Only log what would be refused."""


Connections = Annotated[int, Field(ge=1, le=65_535)]
"""Requests of one client at the same time."""
