"""Whether what names the client can be believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.spec.model import ClientIp, Spec
from waf_builder.spec.validate.platform import PRIVATE_NETWORK, Locator

_BY_ROUTER = frozenset({"x-real-ip", "x-forwarded-for"})
"""What the router writes: https://doc.scalingo.com/platform/networking/public/routing"""
_ROUTER = ipaddress.ip_network(ClientIp().trusted[0])


def client_ip(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield what is wrong with whom the WAF believes about the client."""
    yield from _trusted(spec.client_ip, at)
    found = spec.client_ip
    header = found.header
    if header.lower() == "x-real-ip" and found.proxies:
        yield Problem(
            "spec.client-ip-proxies",
            "client_ip.proxies needs another header: X-Real-IP names who asked the router",
            at(("client_ip", "proxies")),
            "Behind a CDN that is the CDN. Write `header: X-Forwarded-For`, or the CDN's own.",
        )
    behind_router = any(_overlaps(text, _ROUTER) for text in found.trusted)
    if header.lower() not in _BY_ROUTER and not found.proxies and behind_router:
        yield Problem(
            "spec.client-ip-forgeable",
            f"client_ip.header is {header}, which the router passes on from anybody",
            at(("client_ip", "header")),
            "Name the ranges of the CDN that writes it in client_ip.proxies.",
        )
    for index, text in enumerate(found.proxies):
        if any(_overlaps(text, ipaddress.ip_network(trusted)) for trusted in found.trusted):
            yield Problem(
                "spec.client-ip-both",
                f"client_ip.proxies holds {text}, which overlaps client_ip.trusted",
                at(("client_ip", "proxies", index)),
                "trusted is who asks the WAF, proxies who asks the router.",
            )


def _trusted(found: ClientIp, at: Locator) -> Iterator[Problem]:
    for index, text in enumerate(found.trusted):
        if _overlaps(text, PRIVATE_NETWORK):
            yield Problem(
                "spec.trusts-private-network",
                f"client_ip.trusted holds {text}, which overlaps the private network",
                at(("client_ip", "trusted", index)),
                "Every app in the network could then forge a client's address.",
                Severity.WARNING,
            )


def _overlaps(text: str, other: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    network = ipaddress.ip_network(text)
    if isinstance(network, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and network.overlaps(other)
    return isinstance(other, ipaddress.IPv6Network) and network.overlaps(other)
