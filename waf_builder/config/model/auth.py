"""Basic authentication: who has to know which password."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BasicAuth:
    """A name, and the file that boot writes with the digest of its password.

    file: below the rendered tree. variable: of the environment. where: the spec's field.
    """

    file: str
    user: str
    variable: str
    where: str
