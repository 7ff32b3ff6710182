"""What is looked for besides the Core Rule Set."""

from __future__ import annotations

from waf_builder.spec.model.base import SpecModel


class ExtraDetection(SpecModel):
    """What is looked for besides the Core Rule Set, at every paranoia level."""

    external_entities: bool = True
    """XML that declares entities, or takes its DTD from elsewhere than Apple or the W3C."""

    java_objects: bool = True
    """Serialized Java objects in arguments and cookies: `rO0AB...`."""

    server_templates: bool = True
    """Expressions of template engines that reach for the engine: `{{7*7}}`, `__class__`."""
