"""What render says about routes that do things differently."""

from __future__ import annotations

import pytest
from specs import OLD, SMALLEST, config_of

from waf_builder.config.build import NEWEST
from waf_builder.config.model import Target
from waf_builder.render.deviations import deviations

FIXED = "{rule: 942100, target: 'ARGS:q', reason: x}"
SCOPED = "{rule: 942100, path: /a/b, reason: x}"


def said(routes: str, waf: str = "{}", target: Target = NEWEST) -> list[str]:
    spec = f"{SMALLEST}waf: {waf}\nroutes:\n  - path: /\n  - {{path: /a/, waf: {routes}}}\n"
    return list(deviations(config_of(spec, target)))


@pytest.mark.parametrize(
    "routes",
    ["{}", f"{{exclusions: [{FIXED}]}}", "{mode: detect}", "{inbound_anomaly_threshold: 9}"],
)
def test_what_costs_nothing_is_not_told(routes: str):
    assert said(routes) == []


def test_a_condition_is_looked_at_in_each_request():
    assert said(f"{{exclusions: [{SCOPED}]}}", f"{{exclusions: [{SCOPED}]}}") == [
        (
            "1 exclusion with a condition: about 1 us in a request that has it; without one, for"
            " the whole of a route, nothing"
        ),
        (
            "1 exclusion with a condition: about 1 us in a request for route /a/ that has it;"
            " without one, for the whole of a route, nothing"
        ),
    ]


@pytest.mark.parametrize("target", [NEWEST, OLD], ids=["crs-4", "crs-3"])
def test_rules_of_a_higher_level_are_loaded_for_all(target: Target):
    assert said("{paranoia_level: 2}", target=target) == [
        (
            "route /a/ alone needs the rules of paranoia level 2, about 5 MB in each worker: a WAF"
            " of its own would spare the others that"
        )
    ]
    assert said("{paranoia_level: 2}", "{detection_paranoia_level: 2}", target) == []
    assert said("{paranoia_level: 1}", "{paranoia_level: 2}", target) == []


def test_so_are_those_about_responses():
    assert said("{inspect_responses: true}") == [
        (
            "route /a/ alone has its responses read, about 16 MB in each worker: a WAF of its own"
            " would spare the others that"
        )
    ]
    assert said("{inspect_responses: true}", "{inspect_responses: true}") == []
