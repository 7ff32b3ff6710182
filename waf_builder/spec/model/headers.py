"""Headers: what the backend gets besides the client's, and the client besides the backend's."""

from __future__ import annotations

from pydantic import Field

from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.types import HeaderName, HeaderValue, ListOf


class HeaderChanges(SpecModel):
    """Headers of one direction; a name stands in one of the two."""

    set: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    """Headers and their values, instead of any that were sent."""

    remove: ListOf[HeaderName] = ()
    """Headers that do not go through."""


class Headers(SpecModel):
    """What is changed in headers; a route's is added to the spec's and wins by name."""

    response: HeaderChanges = HeaderChanges()
    """Towards the client, in the WAF's own answers too."""

    request: HeaderChanges = HeaderChanges()
    """Towards the backend; the rules have read the client's."""

    security: bool | None = None
    """Send four headers that make browsers stricter, where the app sends none of its own."""
