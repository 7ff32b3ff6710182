"""What ModSecurity and the Core Rule Set are told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from waf_builder.config.model.exclusion import Exclusion


@dataclass(frozen=True)
class Policy:
    """How strict ModSecurity and the Core Rule Set are.

    variables: the rule set's own, `tx.` left out, in the order they are set.
    arguments_limit: where ModSecurity stops reading arguments.
    """

    engine: Literal["On", "DetectionOnly", "Off"]
    variables: tuple[tuple[str, str], ...]
    max_body: int
    arguments_limit: int
    response_access: Literal["On", "Off"]


@dataclass(frozen=True)
class RoutePolicy:
    """What one route's policy does differently; each part is None where it does not.

    file: below the rendered tree. exclusions: those of the route alone.
    """

    file: str
    route: str
    engine: str | None
    variables: tuple[tuple[str, str], ...] | None
    max_body: int | None
    arguments_limit: int | None
    response_access: str | None
    exclusions: tuple[Exclusion, ...]


@dataclass(frozen=True)
class CrsSetup:
    """What the Core Rule Set is told once, whatever the route.

    score: the variable that a critical match adds to at paranoia level 1.
    inspects_xml_attributes: whether the rule set itself looks into attributes of XML bodies.
    finds_jndi_everywhere: whether it looks for Log4Shell in headers, too (its rule 944150).
    """

    variables: tuple[tuple[str, str], ...]
    score: str
    inspects_xml_attributes: bool
    finds_jndi_everywhere: bool
