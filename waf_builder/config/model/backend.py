"""Backends and their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["address", "resolve", "variable"]


@dataclass(frozen=True)
class BootField:
    """A part of a backend's address that only the running container knows.

    pattern: POSIX extended regular expression for the whole value, without white space.
    where: the spec's field. sample: a plausible value, for checks before boot.
    """

    token: str
    name: str
    prefix: str
    suffix: str
    default: str
    pattern: str
    where: str
    sample: str


@dataclass(frozen=True)
class Timeouts:
    """How long a location waits for its backend."""

    connect: int
    send: int
    read: int


@dataclass(frozen=True)
class Backend:
    """Where requests go, and how its address is found.

    address: `name:port`; holds @TOKEN@s where `fields` is not empty.
    form: `address` never resolves, `resolve` does in the upstream, `variable` in proxy_pass.
    sticky: the key that keeps a client on one container, an nginx variable.
    keepalive: idle connections a worker keeps; None where leaving it out means none.
    """

    name: str
    variable: str
    address: str
    form: Form
    fields: tuple[BootField, ...]
    balance: str
    sticky: str
    sticky_cookie: str
    keepalive: int | None
    tries: int
    host_header: str
    timeouts: Timeouts

    @property
    def proxy_pass(self) -> str:
        """The argument of proxy_pass, without a path: the client's goes through unchanged."""
        return f"http://${self.variable}" if self.form == "variable" else f"http://{self.name}"

    @property
    def deferred(self) -> bool:
        """Whether its address is filled in at boot."""
        return bool(self.fields)
