"""How strict the rules are, and who is believed."""

from __future__ import annotations

from collections.abc import Iterator

from waf_builder.problem import Problem
from waf_builder.spec.model import Spec
from waf_builder.spec.validate.platform import (
    ROUTER_MAX_BODY,
    Locator,
    body_too_large,
)
from waf_builder.spec.yaml import Path, dotted


def policy(spec: Spec, at: Locator) -> Iterator[Problem]:
    """Yield what is wrong with the paranoia levels and the body limit."""
    if spec.max_body > ROUTER_MAX_BODY:
        yield body_too_large(at(("max_body",)), "max_body")
    yield from _levels(spec.waf.paranoia_level, spec.waf.detection_paranoia_level, ("waf",), at)
    for index, route in enumerate(spec.routes):
        if route.waf.model_fields_set & {"paranoia_level", "detection_paranoia_level"}:
            level = route.waf.paranoia_level or spec.waf.paranoia_level
            detection = route.waf.detection_paranoia_level
            yield from _levels(level, detection, ("routes", index, "waf"), at)


def _levels(level: int, detection: int | None, path: Path, at: Locator) -> Iterator[Problem]:
    if detection is not None and detection < level:
        yield Problem(
            "spec.detection-level",
            f"{dotted(path)}.detection_paranoia_level is {detection}, below paranoia_level {level}",
            at((*path, "detection_paranoia_level")),
            "Rules that block are detected first: expected the same level or a higher one.",
        )
