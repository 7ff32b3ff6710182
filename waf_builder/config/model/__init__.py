"""What nginx and the Core Rule Set get: nouns of nginx.conf, ready to print.

Nothing here is decided any more: templates loop over these values and print them. Sizes are in
bytes, times in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable

from waf_builder.config.model.auth import BasicAuth
from waf_builder.config.model.backend import Backend, BootField, Form, Timeouts
from waf_builder.config.model.config import Config
from waf_builder.config.model.corrections import Correction, Look
from waf_builder.config.model.detection import Detection, Link
from waf_builder.config.model.exclusion import Condition, Exclusion
from waf_builder.config.model.gate import AddressList, Gate
from waf_builder.config.model.headers import Headers
from waf_builder.config.model.limits import ClientKey, ConnectionLimit, RateLimit
from waf_builder.config.model.logs import Logs, Masked
from waf_builder.config.model.plugins import PluginRules
from waf_builder.config.model.policy import CrsSetup, Policy, RoutePolicy
from waf_builder.config.model.server import ErrorPage, Location, Server
from waf_builder.config.model.target import Target
from waf_builder.problem import Place

Locator = Callable[[tuple[str | int, ...]], Place | None]
"""Says where a field of the spec stands, if that is known; takes the keys that lead to it."""

__all__ = [
    "AddressList",
    "Backend",
    "BasicAuth",
    "BootField",
    "ClientKey",
    "Condition",
    "Config",
    "ConnectionLimit",
    "Correction",
    "CrsSetup",
    "Detection",
    "ErrorPage",
    "Exclusion",
    "Form",
    "Gate",
    "Headers",
    "Link",
    "Location",
    "Locator",
    "Logs",
    "Look",
    "Masked",
    "PluginRules",
    "Policy",
    "RateLimit",
    "RoutePolicy",
    "Server",
    "Target",
    "Timeouts",
]
