"""Headers in which a client could lie to an app that believes them, beside those written anew.

templates/proxy-headers.conf.j2 writes X-Real-IP and its like for every request. These are what apps
and frameworks read beside them.
"""

from __future__ import annotations

CLIENT_ADDRESS = (
    "Client-IP",
    "True-Client-IP",
    "X-Client-IP",
    "X-Cluster-Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
)
"""In which apps look for the client's address; the one that `client_ip.header` names holds it."""

REMOVED = (
    "X-Forwarded-Protocol",
    "X-Forwarded-Scheme",
    "X-Forwarded-Ssl",
    "X-Forwarded-Prefix",
    "X-Forwarded-Server",
    "Proxy",
    "X-Host",
    "X-Original-Host",
    "X-Original-URL",
    "X-Rewrite-URL",
)
"""In which apps look for the scheme, the host or the path, and which no request may bring."""
