"""Limits: zones of shared memory, and what counts in them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClientKey:
    """Who counts as one client by a header or a cookie.

    variable: the key. source: nginx's variable for the header or cookie. number: of this key.
    """

    variable: str
    source: str
    number: int


@dataclass(frozen=True)
class RateLimit:
    """How many requests with the same key a zone lets through.

    client: who counts as one; None for the address. retry_after: seconds until one more passes.
    """

    zone: str
    client: ClientKey | None
    rate: str
    burst: int
    status: int
    dry_run: bool
    retry_after: int

    @property
    def key(self) -> str:
        """The nginx variable whose value is counted."""
        return f"${self.client.variable}" if self.client else "$waf_client"

    @property
    def burst_and_how(self) -> str:
        """The rest of the limit: what is beyond the rate is let through at once, not held back."""
        return f" burst={self.burst} nodelay" if self.burst else ""


@dataclass(frozen=True)
class ConnectionLimit:
    """How many requests of one client may be under way at the same time."""

    zone: str
    number: int
