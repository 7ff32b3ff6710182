"""Who the client is."""

from __future__ import annotations

from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.types import Cidr, HeaderName, ListOf


class ClientIp(SpecModel):
    """Who the client is, seen from behind other proxies."""

    header: HeaderName = "X-Real-IP"
    """The header that names the client; behind a CDN, X-Forwarded-For or one of the CDN's own."""

    trusted: ListOf[Cidr] = ("172.16.0.0/12",)
    """Ranges from which the WAF is asked and whose word is taken; the default has the router."""

    proxies: ListOf[Cidr] = ()
    """Ranges of a CDN before the router; with a header of its own, all others are refused."""

    @property
    def is_chain(self) -> bool:
        """Whether each proxy adds to the header, so that it can be followed back."""
        return self.header.lower() == "x-forwarded-for"
