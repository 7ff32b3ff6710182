"""The gate: what a request has to pass before any rule looks at it."""

from __future__ import annotations

from dataclasses import dataclass, field

from waf_builder.config.model.auth import BasicAuth
from waf_builder.config.model.limits import ConnectionLimit, RateLimit


@dataclass(frozen=True)
class AddressList:
    """Which addresses are refused, as nginx looks them up: of several ranges, the smallest counts.

    variable: 1 for an address that is refused, else 0. file: below the rendered tree.
    otherwise: its value for an address in no range. entries: ranges with their values.
    """

    variable: str
    file: str
    otherwise: int
    entries: tuple[tuple[str, int], ...] = field(compare=False)


@dataclass(frozen=True)
class Gate:
    """What stands before a location: nginx asks it first, and the location has no other door.

    ModSecurity looks at a request as soon as nginx has chosen its location, and reads the body
    before nginx itself counts or asks for passwords. So the location that nginx chooses holds
    the gate alone, with ModSecurity off, and hands what passes on to a named location.
    """

    addresses: AddressList | None = None
    rate: RateLimit | None = None
    connections: ConnectionLimit | None = None
    auth: BasicAuth | None = None

    @property
    def counts(self) -> bool:
        """Whether it can answer that there were too many requests."""
        return bool(self.rate or self.connections)

    @property
    def wait(self) -> int:
        """After how many seconds who was refused may try again."""
        return self.rate.retry_after if self.rate else 1
