"""The WAF's own health check."""

from __future__ import annotations

from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.types import Path


class Health(SpecModel):
    """The WAF's own health check."""

    path: Path = "/__waf/health"
    """Answered 200 by the WAF itself, neither inspected nor logged."""
