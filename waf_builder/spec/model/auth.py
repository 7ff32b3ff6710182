"""Basic authentication."""

from __future__ import annotations

from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.types import UserName, VariableName


class BasicAuth(SpecModel):
    """One name and password, asked for before a rule has looked."""

    user: UserName
    """The name."""

    password_env: VariableName
    """The variable that holds the password where the WAF runs; read at boot."""
