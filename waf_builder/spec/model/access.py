"""Access: who may come at all."""

from __future__ import annotations

from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.types import AddressRange, ListOf


class Access(SpecModel):
    """Which addresses may come; of the ranges that hold one, the smallest decides."""

    allow: ListOf[AddressRange] = ()
    """Ranges that may come; where there are any, every other address is refused."""

    deny: ListOf[AddressRange] = ()
    """Ranges that are refused, 403, before a rule has looked."""
