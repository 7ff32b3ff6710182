"""Who the client is."""

from __future__ import annotations

from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.types import Cidr, HeaderName, ListOf


class ClientIp(SpecModel):
    """Who the client is, seen from behind other proxies."""

    header: HeaderName = "X-Real-IP"
    """The header in which the proxy before the WAF names the client."""

    trusted: ListOf[Cidr] = ("172.16.0.0/12",)
    """Ranges whose word is taken; the platform's router is in the default one."""
