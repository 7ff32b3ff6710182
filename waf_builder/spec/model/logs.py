"""What is written to the log."""

from __future__ import annotations

from typing import Literal

from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.types import Share


class Logs(SpecModel):
    """What is written to the log."""

    access: Literal["all", "errors", "off"] = "all"
    """One line a request, only those refused or failed (status 400 and above), or none."""

    sample: Share = 1.0
    """The share of all other requests that gets a line; those refused or failed always do."""

    client_ip: Literal["full", "truncated", "off"] = "full"
    """The client's address: whole, its network (/24, /48 of IPv6), or left out."""

    query: Literal["off", "masked", "full"] = "off"
    """The query: left out, the names of its parameters without values, or all of it."""
