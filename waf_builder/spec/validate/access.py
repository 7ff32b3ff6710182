"""Whether the ranges of addresses of an `access` fit together."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from waf_builder.problem import Problem, Severity
from waf_builder.spec.model import Access, Spec
from waf_builder.spec.validate.platform import Locator
from waf_builder.spec.yaml import Path, dotted

_Entry = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str, int]
"""A range, the list that it stands in and where."""


def access(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield what is wrong with who may come."""
    if spec.access:
        yield from _access(spec.access, ("access",), at)
    for index, route in enumerate(spec.routes):
        if isinstance(route.access, Access):
            yield from _access(route.access, ("routes", index, "access"), at)


def _access(access: Access, path: Path, at: Locator) -> Iterator[Problem]:
    if not access.allow and not access.deny:
        yield Problem(
            "spec.access-nothing",
            f"{dotted(path)} names no range",
            at(path),
            "Write `allow:` or `deny:` with address ranges, or remove it.",
        )
    both = sorted(map(access.deny.index, set(access.deny) & set(access.allow)))
    for index in both:
        yield Problem(
            "spec.access-both",
            f"{dotted(path)} allows and denies {access.deny[index]}",
            at((*path, "deny", index)),
            "Of ranges that hold an address, the smallest decides; of two equal ones, none can.",
        )
    idle = [] if both else list(_idle(access))
    if idle:
        network, kind, index = min(idle, key=lambda entry: entry[1:])
        others = f" (and {len(idle) - 1} more)" if len(idle) > 1 else ""
        yield Problem(
            "spec.access-idle",
            f"{dotted((*path, kind))} holds {network}, which changes nothing{others}",
            at((*path, kind, index)),
            "What is around it has the same answer already: a larger range, an equal one, or that"
            " all others are refused where there is an `allow`.",
            Severity.WARNING,
        )


def _idle(access: Access) -> Iterator[_Entry]:
    """Yield the ranges without which every address would get the same answer."""
    entries: list[_Entry] = [
        (ipaddress.ip_network(text), kind, index)
        for kind, texts in (("allow", access.allow), ("deny", access.deny))
        for index, text in enumerate(texts)
    ]
    entries.sort(
        key=lambda entry: (
            entry[0].version,
            int(entry[0].network_address),
            entry[0].prefixlen,
            entry[2],
        )
    )
    around: list[tuple[int, int, str]] = []  # version, last address and kind, the innermost last
    for entry in entries:
        network, kind, _ = entry
        last = int(network.broadcast_address)
        while around and (around[-1][0] != network.version or around[-1][1] < last):
            around.pop()
        outside = around[-1][2] if around else ("deny" if access.allow else "allow")
        if kind == outside:
            yield entry
        else:
            around.append((network.version, last, kind))
