"""What is written to the log."""

from __future__ import annotations

from typing import Literal

from waf_builder.spec.model.base import SpecModel


class Logs(SpecModel):
    """What is written to the log."""

    access: Literal["all", "errors", "off"] = "all"
    """One line a request, only those refused or failed (status 400 and above), or none."""
