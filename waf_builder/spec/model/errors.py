"""What the WAF says itself when it does not pass a request on."""

from __future__ import annotations

from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.types import PageFile


class Errors(SpecModel):
    """The WAF's own answers."""

    page: PageFile | None = None
    """An HTML file beside the spec for every error page; left out, a plain one is built in."""
