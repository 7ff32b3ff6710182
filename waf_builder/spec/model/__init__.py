"""What a user writes: every field of `backend.yaml`, and every default, once."""

from __future__ import annotations

from waf_builder.spec.exclusiontarget import ExclusionTarget
from waf_builder.spec.model.access import Access
from waf_builder.spec.model.auth import BasicAuth
from waf_builder.spec.model.backend import SOLE_BACKEND, Backend, BackendName, Timeouts
from waf_builder.spec.model.base import OFF, SpecModel, effective
from waf_builder.spec.model.client import ClientIp
from waf_builder.spec.model.corrections import Corrections
from waf_builder.spec.model.detection import ExtraDetection
from waf_builder.spec.model.errors import Errors
from waf_builder.spec.model.exclusion import Exclusion
from waf_builder.spec.model.headers import HeaderChanges, Headers
from waf_builder.spec.model.health import Health
from waf_builder.spec.model.limits import RateLimit
from waf_builder.spec.model.logs import Logs
from waf_builder.spec.model.plugin import Plugin
from waf_builder.spec.model.route import Route, RouteTimeouts
from waf_builder.spec.model.spec import Spec
from waf_builder.spec.model.waf import Mode, ParanoiaLevel, Threshold, WafOverride, WafPolicy

__all__ = [
    "OFF",
    "SOLE_BACKEND",
    "Access",
    "Backend",
    "BackendName",
    "BasicAuth",
    "ClientIp",
    "Corrections",
    "Errors",
    "Exclusion",
    "ExclusionTarget",
    "ExtraDetection",
    "HeaderChanges",
    "Headers",
    "Health",
    "Logs",
    "Mode",
    "ParanoiaLevel",
    "Plugin",
    "RateLimit",
    "Route",
    "RouteTimeouts",
    "Spec",
    "SpecModel",
    "Threshold",
    "Timeouts",
    "WafOverride",
    "WafPolicy",
    "effective",
]
