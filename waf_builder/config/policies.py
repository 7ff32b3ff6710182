"""Policies: the spec's knobs as variables of the Core Rule Set and limits of ModSecurity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from waf_builder.config.corrections import switched_off
from waf_builder.config.detection import undetected
from waf_builder.config.model import CrsSetup, Exclusion, Locator, Policy, RoutePolicy, Target
from waf_builder.config.plugins import exclusion_switches
from waf_builder.problem import Problem
from waf_builder.spec.model import Route, Spec, SpecModel, WafPolicy
from waf_builder.spec.yaml import Path, dotted
from waf_builder.version import Version

_T = TypeVar("_T")
_Model = TypeVar("_Model", bound=SpecModel)

_ENGINE: dict[str, Literal["On", "DetectionOnly", "Off"]] = {
    "block": "On",
    "detect": "DetectionOnly",
    "off": "Off",
}


@dataclass(frozen=True)
class _Names:
    """What one major version of the Core Rule Set calls its variables.

    crs-setup.conf.example, rules 900000, 900001, 900110, 900120 and 900500.
    """

    level: str
    detection_level: str
    score: str
    restricted_headers: str
    early_blocking: str = ""
    skip_responses: str = ""


_CRS_3 = _Names(
    level="paranoia_level",
    detection_level="executing_paranoia_level",
    score="anomaly_score_pl1",
    restricted_headers="restricted_headers",
)
_CRS_4 = _Names(
    level="blocking_paranoia_level",
    detection_level="detection_paranoia_level",
    score="inbound_anomaly_score_pl1",
    restricted_headers="restricted_headers_basic",
    early_blocking="early_blocking",
    skip_responses="crs_skip_response_analysis",
)

RESTRICTED_HEADERS = (
    # The rule set's list without accept-charset (sent by ordinary clients) and expect (sent by
    # curl and Guzzle before larger bodies; nginx answers it). content-encoding stays: a
    # compressed body would reach the app without having been inspected.
    "content-encoding",
    "proxy",
    "lock-token",
    "content-range",
    "if",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-middleware-subrequest",
)


def build_crs_setup(spec: Spec, target: Target) -> CrsSetup:
    """Return what holds for every route."""
    names = _names(target)
    version = "".join(str(number) for number in target.crs)
    headers = " ".join(f"/{name}/" for name in RESTRICTED_HEADERS)
    return CrsSetup(
        variables=(
            ("crs_setup_version", version),
            (names.restricted_headers, headers),
            # Attributes of XML bodies are inspected only when this is set.
            # https://github.com/coreruleset/coreruleset/security/advisories/GHSA-6jp8-c2w2-x7wr
            ("crs_xml_attr_inspect", "1"),
            *exclusion_switches(spec, target),
        ),
        score=names.score,
        inspects_xml_attributes=_inspects_xml_attributes(target),
        finds_jndi_everywhere=target.has_crs_4,
    )


def _inspects_xml_attributes(target: Target) -> bool:
    first = Version(4, 25, 1) if target.has_crs_4 else Version(3, 3, 10)
    return target.crs >= first


def build_policy(waf: WafPolicy, max_body: int, target: Target) -> Policy:
    """Return the http level's policy, or that of a whole route."""
    names = _names(target)
    level = waf.paranoia_level
    variables = [
        (names.level, str(level)),
        (names.detection_level, str(max(waf.detection_paranoia_level or level, level))),
        ("inbound_anomaly_score_threshold", str(waf.inbound_anomaly_threshold)),
        ("outbound_anomaly_score_threshold", str(waf.outbound_anomaly_threshold)),
        ("allowed_methods", " ".join(waf.allowed_methods)),
        (
            "allowed_request_content_type",
            " ".join(f"|{name}|" for name in waf.allowed_content_types),
        ),
        ("waf_max_arguments", str(waf.max_arguments)),
    ]
    if names.early_blocking:
        variables.append((names.early_blocking, str(int(waf.early_blocking))))
        variables.append((names.skip_responses, str(int(not waf.inspect_responses))))
    variables += [*switched_off(waf.corrections), *undetected(waf.extra_detection)]
    return Policy(
        engine=_ENGINE[waf.mode],
        variables=tuple(variables),
        max_body=max_body,
        # One more than allowed, so that rule 200007 sees that there were too many.
        arguments_limit=waf.max_arguments + 1,
        response_access="On" if waf.inspect_responses else "Off",
    )


def route_waf(route: Route, spec: Spec) -> WafPolicy:
    """Return the knobs that hold on a route.

    Methods and types of bodies that a route names are allowed there: nginx has refused every
    other before. The common types stay allowed, since the rule set looks at the header of a
    request without a body, too.
    """
    changes = {
        name: value
        for name in route.waf.model_fields_set
        if (value := getattr(route.waf, name)) is not None
    }
    if "exclusions" in changes:  # a route's are added, they replace nothing
        changes["exclusions"] = (*spec.waf.exclusions, *route.waf.exclusions)
    if route.waf.corrections:
        changes["corrections"] = _merged(spec.waf.corrections, route.waf.corrections)
    if route.waf.extra_detection:
        common_detection = spec.waf.extra_detection
        changes["extra_detection"] = _merged(common_detection, route.waf.extra_detection)
    methods = with_head(route.methods)
    missing = set(methods) - set(spec.waf.allowed_methods)
    if missing and "allowed_methods" not in changes:
        changes["allowed_methods"] = methods
    common = spec.waf.allowed_content_types
    types = tuple(name for name in route.content_types if name not in common)
    if types and "allowed_content_types" not in changes:
        changes["allowed_content_types"] = common + types
    if "paranoia_level" in changes and "detection_paranoia_level" not in changes:
        wanted = spec.waf.detection_paranoia_level or 0
        changes["detection_paranoia_level"] = max(wanted, changes["paranoia_level"])
    if route.streaming and spec.waf.inspect_responses:
        changes["inspect_responses"] = False  # a stream has passed before a rule has read it
    return spec.waf.model_copy(update=changes) if changes else spec.waf


def _merged(common: _Model, own: _Model) -> _Model:
    return common.model_copy(update={name: getattr(own, name) for name in own.model_fields_set})


def with_head(methods: Sequence[str]) -> tuple[str, ...]:
    """Return methods; GET includes HEAD, as in nginx's limit_except and in RFC 9110."""
    if "GET" in methods and "HEAD" not in methods:
        return (*methods, "HEAD")
    return tuple(methods)


def build_route_policy(
    file: str, label: str, policies: tuple[Policy, Policy], exclusions: tuple[Exclusion, ...]
) -> RoutePolicy | None:
    """Return what a route's policy does differently from the common one, the second of `policies`.

    None when it does the same.

    The variables come all or none: a reader of the file sees the whole policy, and the http
    level sets its own only where no route has.
    """
    own, common = policies
    if (own == common and not exclusions) or own.engine == "Off":
        return None
    return RoutePolicy(
        file=file,
        route=label,
        engine=_changed(own.engine, common.engine),
        variables=_changed(own.variables, common.variables),
        max_body=_changed(own.max_body, common.max_body),
        arguments_limit=_changed(own.arguments_limit, common.arguments_limit),
        response_access=_changed(own.response_access, common.response_access),
        exclusions=exclusions,
    )


def _changed(own: _T, common: _T) -> _T | None:
    return own if own != common else None


def unsupported(spec: Spec, target: Target, at: Locator) -> list[Problem]:
    """Return what the target's rule set cannot do."""
    if target.has_crs_4:
        return []
    paths: list[Path] = [("waf", "early_blocking")] if spec.waf.early_blocking else []
    paths += [
        ("routes", index, "waf", "early_blocking")
        for index, route in enumerate(spec.routes)
        if route.waf.early_blocking
    ]
    return [
        Problem(
            "config.early-blocking-needs-crs-4",
            f"{dotted(path)} needs the Core Rule Set 4, and this is {target.crs}",
            at(path),
            "Remove the key, or give another rule set with --crs.",
        )
        for path in paths
    ]


def _names(target: Target) -> _Names:
    return _CRS_4 if target.has_crs_4 else _CRS_3
