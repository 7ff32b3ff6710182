"""What nginx writes to the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Masked:
    """A pattern of the query's parameters, and the variables that hold what of them is shown."""

    pattern: str
    shown: str


@dataclass(frozen=True)
class Logs:
    """The access log, and nginx's own messages.

    share: percent of the requests that were neither refused nor failed, as nginx writes it; empty
    where it is all or none of them. client_ip: empty, query: None where it is left out.
    messages: the level of nginx's own messages, which name the client.
    """

    access: Literal["all", "errors", "off"]
    share: str
    client_ip: Literal["", "$remote_addr", "$log_network"]
    query: Masked | None
    messages: Literal["warn", "crit"]
