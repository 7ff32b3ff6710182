"""Presets: what they stand for, and how a route's own keys stand above them."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from specs import SMALLEST, TWO_BACKENDS, problems_of, spec_of

from waf_builder.doctor.memory import BASE_MIB, BODY_FACTOR
from waf_builder.spec import yaml
from waf_builder.spec.effective import apply_presets
from waf_builder.spec.model import Route
from waf_builder.spec.model.route import PresetName
from waf_builder.spec.presets import PRESETS
from waf_builder.spec.presettext import preset_json, preset_yaml


def route_of(route: dict[str, Any]) -> Route:
    (found,) = spec_of(f"{SMALLEST}routes: {json.dumps([{'path': '/', **route}])}\n").routes
    return found


def test_the_model_knows_each_by_name():
    assert get_args(PresetName) == tuple(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
class TestEach:
    def test_is_what_a_user_could_write(self, name: str):
        route = PRESETS[name].route()

        assert route_of({"preset": name}) == route_of(route).model_copy(update={"preset": name})

    def test_is_printed_as_that(self, name: str):
        printed = spec_of(SMALLEST + preset_yaml(name)).routes[0]

        assert printed.model_copy(update={"preset": name}) == route_of({"preset": name})
        assert yaml.read(preset_yaml(name), "f").data["routes"] == [
            {"path": "/", **PRESETS[name].route()}
        ]

    def test_differs_from_none(self, name: str):
        """A key that has the default's value would say nothing."""
        for setting in PRESETS[name].settings:
            alone: Any = setting.value
            for part in reversed(setting.key):
                alone = {part: alone}
            spec = spec_of(SMALLEST)
            found = route_of(alone)
            assert found != route_of({})
            if setting.key[0] == "waf":
                assert getattr(found.waf, setting.key[1]) != getattr(spec.waf, setting.key[1])

    def test_every_key_has_a_reason(self, name: str):
        for setting in PRESETS[name].settings:
            assert setting.reason.endswith(".")
            assert len(setting.reason) > 20

    def test_lines_are_short(self, name: str):
        assert max(map(len, preset_yaml(name).splitlines())) <= 100

    def test_as_json_is_the_same(self, name: str):
        found = preset_json(name)

        assert json.loads(json.dumps(found["route"])) == PRESETS[name].route()
        assert len(found["reasons"]) == len(PRESETS[name].settings)


class TestOwnKeys:
    def test_win(self):
        route = route_of({"preset": "json-api", "max_body": "3m", "methods": ["GET"]})

        assert (route.max_body, route.methods) == (3 * 1024**2, ("GET",))
        assert route.content_types[0] == "application/json"

    def test_are_merged_key_by_key(self):
        route = route_of({"preset": "admin", "waf": {"max_arguments": 50}})

        assert (route.waf.paranoia_level, route.waf.max_arguments) == (2, 50)
        assert route_of({"preset": "admin", "waf": {"paranoia_level": 3}}).waf.paranoia_level == 3

    def test_without_a_value_take_the_preset_s_away(self):
        route = route_of({"preset": "json-api", "content_types": None, "max_body": None})

        assert (route.content_types, route.max_body) == ((), None)
        assert "GET" in route.methods
        assert route_of({"preset": "admin", "waf": None}) == route_of(
            {"preset": "admin"}
        ).model_copy(update={"waf": route_of({}).waf})

    def test_without_a_value_stay_an_error_where_the_preset_has_none(self):
        (problem,) = problems_of(f"{SMALLEST}routes: [{{path: /, preset: admin, methods: }}]\n")

        assert problem.code == "spec.type"

    def test_exclusions_add_up(self):
        data = {"routes": [{"preset": "x", "waf": {"exclusions": [1]}}]}
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(PRESETS, "x", _Fake())
            apply_presets(data)

        assert data["routes"][0]["waf"] == {"exclusions": [1, 2], "mode": "block"}


class _Fake:
    def route(self) -> dict[str, Any]:
        return {"waf": {"exclusions": [2], "mode": "block"}}


def test_routes_without_a_preset_are_left_alone():
    data = {"routes": [{"path": "/"}, {"path": "/a", "preset": "static"}]}
    apply_presets(data)

    assert data["routes"][0] == {"path": "/"}
    assert data["routes"][1]["methods"] == ["GET"]


@pytest.mark.parametrize(
    "data", [None, [], "x", {}, {"routes": None}, {"routes": {}}, {"routes": [None, 1, {}]}]
)
def test_what_is_no_spec_is_left_for_the_model(data: Any):
    apply_presets(data)


def test_two_routes_do_not_share_what_they_merge():
    routes = "[{path: /a, preset: admin}, {path: /b, preset: admin, waf: {max_arguments: 7}}]"
    one, other = spec_of(f"{SMALLEST}routes: {routes}\n").routes

    assert one.waf.max_arguments is None
    assert other.waf.max_arguments == 7


def test_a_problem_of_a_preset_s_key_stands_at_the_route():
    (problem,) = problems_of(
        f"{TWO_BACKENDS}routes:\n"
        "  - {path: /, backend: site}\n"
        "  - path: /api/\n"
        "    backend: api\n"
        "    preset: json-api\n"
        "    waf: {allowed_methods: [GET, POST, PUT, PATCH, OPTIONS]}\n"
    )

    assert problem.code == "spec.refused-by-rule"
    assert problem.message.startswith("routes[1].methods names DELETE")
    assert (problem.place.line, problem.place.column) == (6, 5)


def test_an_upload_fits_into_the_container_that_its_reason_names():
    (setting,) = (one for one in PRESETS["upload"].settings if one.key == ("max_body",))

    assert f"{BODY_FACTOR} times" in setting.reason
    assert setting.value == f"{(512 - BASE_MIB) // BODY_FACTOR}m"
