"""The name servers that nginx asks: those that start-waf would write into its configuration."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from waf_builder.doctor.result import Result, failed, ok, printable, skipped

CHECK = "name servers"
_NAMESERVER = re.compile(r"^\s*nameserver\s+(\S+)", re.MULTILINE)
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:]+))(?::(?P<port>[0-9]{1,5}))?")
_DNS = 53
_MAX_PORT = 65535
_WANTED = "expected an IPv4 or IPv6 address, perhaps with a port: 10.0.0.2, [::1]:5353"

Server = tuple[str, int]


def parse_server(text: str) -> Server:
    """Return address and port of `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`; ValueError."""
    try:
        return str(ipaddress.ip_address(text)), _DNS
    except ValueError:
        pass
    found = _WITH_PORT.fullmatch(text)
    if found is None:
        raise ValueError(f"{printable(text)!r} is not a name server, {_WANTED}")
    address, port = found["six"] or found["four"], int(found["port"] or _DNS)
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        parsed = None
    if parsed is None or (parsed.version == 6) != bool(found["six"]) or not 0 < port <= _MAX_PORT:  # noqa: PLR2004
        raise ValueError(f"{printable(text)!r} is not a name server, {_WANTED}")
    return str(parsed), port


def shown(server: Server) -> str:
    """Return a name server as people write it, its port only where it is not 53."""
    address, port = server
    if port == _DNS:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def find_servers(environ: Mapping[str, str]) -> tuple[Server, ...]:
    """Return the name servers of $WAF_RESOLVERS, else of resolv.conf; ValueError if none is usable.

    As start-waf does: a scoped address, which nginx cannot write, is left out, and so is what
    else resolv.conf may hold.
    """
    if given := environ.get("WAF_RESOLVERS", "").split():
        source, servers = "WAF_RESOLVERS", [_server(word) for word in given if "%" not in word]
    else:
        source = environ.get("WAF_RESOLV_CONF") or "/etc/resolv.conf"
        servers = list(_from_file(Path(source)))
    if not servers:
        raise ValueError(f"{source} names no usable name server")
    return tuple(servers)


def _server(word: str) -> Server:
    try:
        return parse_server(word)
    except ValueError as error:
        raise ValueError(f"WAF_RESOLVERS: {error}") from None


def _from_file(file: Path) -> Sequence[Server]:
    try:
        words = _NAMESERVER.findall(file.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ()
    found = []
    for word in words:
        try:
            found.append((str(ipaddress.ip_address(word)), _DNS))
        except ValueError:
            continue
    return [(address, port) for address, port in found if "%" not in address]


def check_servers(servers: Sequence[Server], problem: str, *, needed: bool) -> Result:
    """Return which name servers nginx gets. problem: why there are none."""
    if not needed:
        return skipped(CHECK, "every backend is an address, so nothing is resolved")
    if problem:
        return failed(
            CHECK,
            problem,
            "start-waf stops without one. Name them in WAF_RESOLVERS, or mend /etc/resolv.conf.",
        )
    return ok(CHECK, ", ".join(shown(server) for server in servers))
