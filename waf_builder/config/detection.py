"""Extra detection: what the Core Rule Set does not look for, at a price that was measured.

The price is how many of the ordinary requests of tests/corpus are refused because of it. What
costs any is not here.
"""

from __future__ import annotations

from waf_builder.config.corrections import listed
from waf_builder.config.model import Detection, Link
from waf_builder.spec.model import ExtraDetection, Spec

FIRST_ID = 90500

_ARGS = "REQUEST_COOKIES|ARGS_NAMES|ARGS|XML:/*|XML://@*"
# Null bytes are removed, so that UTF-16 reads like ASCII.
_DTD = Link(
    "REQUEST_BODY",
    r"@rx (?i)<!ENTITY\s|<!DOCTYPE\s[^>\[]{0,500}\s(?:SYSTEM|PUBLIC\s+[\x22\x27][^\x22\x27]{0,500}"
    r"[\x22\x27])\s+[\x22\x27](?!https?://www\.(?:apple\.com|w3\.org)/)",
    "t:none,t:removeNulls",
)
_RULES = {
    "external_entities": (
        "An XML body that declares entities or takes its DTD from elsewhere",
        "attack-xxe",
        Link("REQBODY_PROCESSOR", "@streq XML", "t:none"),
        (_DTD,),
    ),
    "java_objects": (
        "A serialized Java object",
        "attack-injection-java",
        Link(
            _ARGS,
            # The first bytes, as they are, in hexadecimal and in base64.
            r"@rx (?:^|[^A-Za-z0-9+/])(?:rO0AB[A-Za-z0-9+/]|(?i:aced0005))|\xac\xed\x00\x05",
            "t:none",
        ),
        (),
    ),
    "server_templates": (
        "An expression that reaches for the template engine",
        "attack-ssti",
        Link(
            _ARGS,
            r"@rx (?:\{\{|\{%|\$\{|<%)[^}%]{0,200}(?:__(?:base|bases|builtins|class|globals|import"
            r"|init|mro|subclasses)__|_self\.env|\b\d{1,9}\s{0,9}\*\s{0,9}[\x22\x27]?\d{1,9}"
            r"[\x22\x27]?\s{0,9}(?:\}|%>))",
            "t:none,t:urlDecodeUni,t:htmlEntityDecode",
        ),
        (),
    ),
}


def build_detection(spec: Spec) -> tuple[Detection, ...]:
    """Return what some route looks for."""
    wanted = listed(spec.waf.extra_detection, [one.waf.extra_detection for one in spec.routes])
    return tuple(
        Detection(FIRST_ID + number, name, message, tag, first, others, _without(name))
        for number, (name, (message, tag, first, others)) in enumerate(_RULES.items())
        if name in wanted
    )


def undetected(detection: ExtraDetection) -> tuple[tuple[str, str], ...]:
    """Return the variables with which a policy says what it does not look for."""
    return tuple((_without(name), "1") for name, on in detection if not on)


def _without(name: str) -> str:
    return f"waf_without_{name}"
