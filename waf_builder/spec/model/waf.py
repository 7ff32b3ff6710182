"""What the Core Rule Set is told, for all routes or for one."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from waf_builder.spec.compiler import CompilerSteps
from waf_builder.spec.contenttypes import CONTENT_TYPES
from waf_builder.spec.model.base import SpecModel
from waf_builder.spec.model.corrections import Corrections
from waf_builder.spec.model.detection import ExtraDetection
from waf_builder.spec.model.exclusion import Exclusion
from waf_builder.spec.model.plugin import PluginEntry
from waf_builder.spec.ruletypes import CrsVersion, Date
from waf_builder.spec.types import ContentType, ListOf, Method

Mode = Literal["block", "detect", "off"]
ParanoiaLevel = Annotated[int, Field(ge=1, le=4)]
Threshold = Annotated[int, Field(ge=1, le=10_000)]


class WafPolicy(SpecModel):
    """How strict the Core Rule Set is."""

    mode: Mode = "block"
    """block refuses attacks, detect only logs them, off does not look."""

    enforce_after: Date | None = None
    """With detect: the last day of it. Afterwards `validate` warns; nothing blocks by itself."""

    paranoia_level: ParanoiaLevel = 1
    """1-4; a higher level blocks more, and more wrongly."""

    detection_paranoia_level: ParanoiaLevel | None = None
    """Rules above paranoia_level and up to this only log; left out, there are none."""

    inbound_anomaly_threshold: Threshold = 5
    """Score at which a request is refused; one critical match scores 5."""

    outbound_anomaly_threshold: Threshold = 4
    """Score at which a response is refused; one error match scores 4."""

    early_blocking: bool = False
    """Refuse after the headers already, before the body is read (Core Rule Set 4)."""

    inspect_responses: bool = False
    """Look for leaks in responses, and hold back up to 256 KB of each until they are read."""

    allowed_methods: ListOf[Method] = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
    """Request methods; any other is a critical match."""

    allowed_content_types: ListOf[ContentType] = CONTENT_TYPES
    """Content types of request bodies; any other is a critical match."""

    max_arguments: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Form fields, query parameters and JSON values of one request; more are refused."""

    exclusions: ListOf[Exclusion] = ()
    """Rules that are wrong about ordinary requests, for all routes."""
    corrections: Corrections = Corrections()
    """Which rules are made narrower, so that ordinary requests pass; all are, by default."""

    extra_detection: ExtraDetection = ExtraDetection()
    """What is looked for besides the Core Rule Set."""

    crs: CrsVersion | None = None
    """A major or an exact version of the Core Rule Set; left out, the newest the engine takes."""

    plugins: ListOf[PluginEntry] = ()
    """Exclusions for applications, by name (`wordpress`), and other plugins of the rule set."""

    compile: CompilerSteps = True
    """Load only the rules that the policy can use; or the names of the steps to take."""


class WafOverride(SpecModel):
    """What a route does differently; a key that is left out keeps the value of `waf`."""

    mode: Mode | None = None
    """block refuses attacks, detect only logs them, off does not look."""

    enforce_after: Date | None = None
    """With detect: the last day of it. Afterwards `validate` warns; nothing blocks by itself."""

    paranoia_level: ParanoiaLevel | None = None
    """1-4; a higher level blocks more, and more wrongly."""

    detection_paranoia_level: ParanoiaLevel | None = None
    """Rules above paranoia_level and up to this only log."""

    inbound_anomaly_threshold: Threshold | None = None
    """Score at which a request is refused."""

    outbound_anomaly_threshold: Threshold | None = None
    """Score at which a response is refused."""

    early_blocking: bool | None = None
    """Refuse after the headers already (Core Rule Set 4)."""

    inspect_responses: bool | None = None
    """Look for leaks in responses."""

    allowed_methods: ListOf[Method] | None = None
    """Request methods; any other is a critical match."""

    allowed_content_types: ListOf[ContentType] | None = None
    """Content types of request bodies; any other is a critical match."""

    max_arguments: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """Form fields, query parameters and JSON values of one request."""

    exclusions: ListOf[Exclusion] = ()
    """Further ones, for this route alone: those of `waf` hold here too."""
    corrections: Corrections | None = None
    """Which rules are made narrower here; what is left out keeps the value of `waf`."""

    extra_detection: ExtraDetection | None = None
    """What is looked for here; what is left out keeps the value of `waf`."""
