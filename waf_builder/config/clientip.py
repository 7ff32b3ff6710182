"""Who the client is behind a chain of proxies: whose word counts, and for what.

nginx believes one header, and takes it from whoever is directly before it. That is the router,
which passes a CDN's header on as it comes, from the CDN or from anybody. A list, X-Forwarded-For,
can be followed back from the router, hop by hop, as long as each is known. Of a header that names
the client alone nobody can say who wrote it, but the router says, in X-Real-IP, who asked it: so
such a header counts only in requests that the CDN has sent, and others are refused.
"""

from __future__ import annotations

from waf_builder.spec.clientheaders import CLIENT_ADDRESS
from waf_builder.spec.model import ClientIp


def real_ip_from(client_ip: ClientIp) -> tuple[str, ...]:
    """Return the ranges that are no client while the header is followed back."""
    return client_ip.trusted + (client_ip.proxies if client_ip.is_chain else ())


def required_proxies(client_ip: ClientIp) -> tuple[str, ...]:
    """Return the ranges of which the router has to name one; empty where any may come."""
    return () if client_ip.is_chain else client_ip.proxies


def client_headers(client_ip: ClientIp) -> tuple[tuple[str, str], ...]:
    """Return headers about the client and nginx's value for each: only the one that counts has any.

    Whoever asks can write the others.
    """
    counts = client_ip.header.lower()
    return tuple(
        (name, "$remote_addr" if name.lower() == counts else '""') for name in CLIENT_ADDRESS
    )
