"""What the command line names: which engine, and which rules."""

from __future__ import annotations

from dataclasses import dataclass

NO_ENGINE = "none"
"""`--engine none`: render for the newest versions, without nginx's own test."""


@dataclass(frozen=True)
class Choice:
    """Which engine and rules to render for, as the command line names them.

    get_crs: a release of the rules may be downloaded when it is not here; a render never does.
    """

    engine: str | None = None
    crs: str | None = None
    nginx_version: str | None = None
    get_crs: bool = False
