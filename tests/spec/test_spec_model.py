"""The model as a whole: nothing without words, nothing that a golden tree leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from specs import SMALLEST, spec_of
from support.cases import for_each

from waf_builder.spec.keys import model_in
from waf_builder.spec.meanings import meanings
from waf_builder.spec.model import OFF, RouteTimeouts, Spec, Timeouts, WafOverride, WafPolicy

EVERY_KNOB = Path(__file__).parents[1] / "golden" / "every-knob" / "backend.yaml"


def models(model: type[BaseModel] = Spec) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        if inner := model_in(field.annotation):
            yield from models(inner)


@for_each("model", sorted(set(models()), key=lambda model: model.__name__))
def test_every_field_says_what_it_is(model: type[BaseModel]):
    assert model.__doc__
    found = meanings(model)
    assert list(found) == list(model.model_fields)
    for name, meaning in found.items():
        assert meaning.endswith("."), f"{model.__name__}.{name}"


def keys(data: Any, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield each key that data sets, with its model's name."""
    if isinstance(data, list):
        for item in data:
            yield from keys(item, model)
        return
    if data == OFF or isinstance(data, str):  # `off`, or a plugin's name, which may stand alone
        return
    for name, value in data.items():
        field = model.model_fields.get(name)
        if field is None:  # a name that the user chose
            yield from keys(value, model)
            continue
        yield model.__name__, name
        if inner := model_in(field.annotation):
            yield from keys(value, inner)


def test_the_golden_tree_with_every_knob_has_every_knob():
    data = yaml.safe_load(EVERY_KNOB.read_text(encoding="utf-8"))
    wanted = {(model.__name__, name) for model in set(models()) for name in model.model_fields}

    assert wanted - set(keys(data, Spec)) == {("Spec", "backend")}  # it has `backends`


@pytest.mark.parametrize(("own", "common"), [(WafOverride, WafPolicy), (RouteTimeouts, Timeouts)])
def test_a_route_can_override_every_knob_and_leaves_each_out_by_default(own, common):
    for_all = {"crs", "plugins", "compile"}  # the rules stand once, whatever a route does with them
    assert list(own.model_fields) == [name for name in common.model_fields if name not in for_all]
    added = {"exclusions"}  # a route's stand beside the common ones, they replace nothing
    fields = {name: field.default for name, field in own.model_fields.items() if name not in added}
    assert set(fields.values()) == {None}


def test_the_defaults_that_protect():
    """Each of these has its reason in RATIONALE.md; a change should be one on purpose."""
    spec = spec_of(SMALLEST)

    assert spec.waf.mode == "block"
    assert spec.waf.paranoia_level == 1
    assert (spec.waf.inbound_anomaly_threshold, spec.waf.outbound_anomaly_threshold) == (5, 4)
    assert "TRACE" not in spec.waf.allowed_methods
    assert spec.max_body == 10 * 1024**2
    assert spec.client_ip.trusted == ("172.16.0.0/12",)
    assert spec.backend.host_header == "preserve"
    assert spec.logs.access == "all"
    assert [(route.path, route.exact, route.hosts) for route in spec.all_routes()] == [
        ("/", False, ())
    ]
