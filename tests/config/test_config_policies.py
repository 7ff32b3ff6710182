"""What holds on a route is what the spec says, whatever the http level says.

The rendered files are read as ModSecurity merges them, by code that knows nothing of how they
were made: a location's file over the http level's, its SecAction before the http level's rule,
which sets its variables only where no route has.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from specs import OLD, SMALLEST, config_of, tree_of
from support.cases import for_each

from waf_builder.config.build import NEWEST
from waf_builder.config.model import Target
from waf_builder.errors import ProblemsError
from waf_builder.render.render import Tree

KNOBS: dict[str, list[Any]] = {
    "mode": ["block", "detect", "off"],
    "paranoia_level": [1, 2, 4],
    "detection_paranoia_level": [1, 3, 4],
    "inbound_anomaly_threshold": [5, 12],
    "outbound_anomaly_threshold": [4, 9],
    "early_blocking": [False, True],
    "inspect_responses": [False, True],
    "allowed_methods": [["GET", "POST"], ["GET", "HEAD", "PUT"]],
    "allowed_content_types": [["application/json"], ["text/plain", "text/csv"]],
    "max_arguments": [1000, 20],
}
LEFT_OUT = None
_NAMES = {
    4: ("blocking_paranoia_level", "detection_paranoia_level"),
    3: ("paranoia_level", "executing_paranoia_level"),
}
_SETVAR = re.compile(r"setvar:'tx\.(\w+)=([^']*)'")
_LOCATION = re.compile(r"^ {8}location /route \{\n(.*?)^ {8}\}$", re.MULTILINE | re.DOTALL)


def spec(common: dict[str, Any], own: dict[str, Any], **route: Any) -> str:
    routes = [{"path": "/"}, {"path": "/route", "waf": own, **route}]
    return f"{SMALLEST}waf: {json.dumps(common)}\nroutes: {json.dumps(routes)}\n"


def directive(text: str, name: str) -> str | None:
    found = re.findall(rf"^\s*{name} ([^;\n]+?);?$", text, re.MULTILINE)
    assert len(found) <= 1, f"{name} stands {len(found)} times"
    return found[0] if found else None


def in_force(tree: Tree) -> dict[str, Any]:
    """Return what holds at the location /route."""
    found = _LOCATION.search(tree["nginx.conf"])
    assert found
    location = found[1]
    file = directive(location, "modsecurity_rules_file")
    own = tree[file] if file else ""
    common = tree["modsecurity/engine.conf"]
    setup = tree["modsecurity/crs-setup.conf"]

    def scalar(name: str) -> str:
        value = directive(own, name) or directive(common, name)
        assert value
        return value

    policy = _SETVAR.findall(own) or _SETVAR.findall(setup.split("id:90110")[1].split("SecRule")[0])
    variables = dict(policy)
    assert len(variables) == len(policy), "a variable is set twice"
    assert (variables.pop("waf_policy", "") == "1") == bool("id:90120" in own)
    off = directive(location, "modsecurity") == "off"
    return {
        "engine": "Off" if off else scalar("SecRuleEngine"),
        "variables": variables,
        "body": {scalar("SecRequestBodyLimit"), scalar("SecRequestBodyNoFilesLimit")},
        "nginx body": directive(location, "client_max_body_size")
        or directive(tree["nginx.conf"].partition("    server {")[0], "client_max_body_size"),
        "arguments": scalar("SecArgumentsLimit"),
        "responses": scalar("SecResponseBodyAccess"),
        "mode in the log": directive(location, r"set \$waf_mode"),
    }


def expected(wanted: dict[str, Any], major: int) -> dict[str, str]:
    """Return the rule set's variables for a whole policy."""
    level, detection = _NAMES[major]
    variables = {
        level: str(wanted["paranoia_level"]),
        detection: str(wanted["detection_paranoia_level"]),
        "inbound_anomaly_score_threshold": str(wanted["inbound_anomaly_threshold"]),
        "outbound_anomaly_score_threshold": str(wanted["outbound_anomaly_threshold"]),
        "allowed_methods": " ".join(wanted["allowed_methods"]),
        "allowed_request_content_type": " ".join(f"|{t}|" for t in wanted["allowed_content_types"]),
        "waf_max_arguments": str(wanted["max_arguments"]),
    }
    if major >= 4:
        variables["early_blocking"] = str(int(wanted["early_blocking"]))
        variables["crs_skip_response_analysis"] = str(int(not wanted["inspect_responses"]))
    return variables


def check(common: dict[str, Any], own: dict[str, Any], target: Target) -> None:
    defaults = {name: values[0] for name, values in KNOBS.items()}
    wanted = {**defaults, **common, **own}
    # A route's level takes detection along, unless it says otherwise.
    wanted["detection_paranoia_level"] = own.get(
        "detection_paranoia_level",
        max(common.get("detection_paranoia_level", 1), wanted["paranoia_level"]),
    )
    common = {**defaults, "detection_paranoia_level": LEFT_OUT, **common}

    holds = in_force(tree_of(spec(common, own), target))

    assert (
        holds["engine"] == {"block": "On", "detect": "DetectionOnly", "off": "Off"}[wanted["mode"]]
    )
    assert holds["mode in the log"] == wanted["mode"]
    if wanted["mode"] != "off":
        assert holds["variables"] == expected(wanted, target.crs.major)
        assert holds["arguments"] == str(wanted["max_arguments"] + 1)
        assert holds["responses"] == ("On" if wanted["inspect_responses"] else "Off")


def pairs() -> list[tuple[str, Any, Any]]:
    """Return every pair of a global value and a route's, each of them also left out."""
    return [
        (knob, common, own)
        for knob, values in KNOBS.items()
        for common, own in itertools.product([LEFT_OUT, *values], repeat=2)
    ]


def given(knob: str, value: Any) -> dict[str, Any]:
    return {} if value is LEFT_OUT else {knob: value}


@for_each(("knob", "common", "own"), pairs())
def test_every_pair_of_a_global_knob_and_a_route_s(knob: str, common: Any, own: Any):
    check(given(knob, common), given(knob, own), NEWEST)
    if knob != "early_blocking":
        check(given(knob, common), given(knob, own), OLD)


_LEVELS = [
    (level, detection)
    for level in (LEFT_OUT, 1, 2, 3, 4)
    for detection in (LEFT_OUT, 1, 2, 3, 4)
    if detection is LEFT_OUT or detection >= (level or 1)
]


@for_each("common", _LEVELS, ids=str)
@for_each("mode", [("block", "detect"), ("off", "block")], ids="-".join)
def test_every_pair_of_levels(common: tuple[Any, Any], mode: tuple[str, str]):
    both = ("paranoia_level", "detection_paranoia_level")
    for own in _LEVELS:
        level = own[0] or common[0] or 1
        if own[1] is not LEFT_OUT and own[1] < level:
            continue  # an error of the spec
        check(
            {"mode": mode[0], **{k: v for k, v in zip(both, common, strict=True) if v}},
            {"mode": mode[1], **{k: v for k, v in zip(both, own, strict=True) if v}},
            OLD,
        )


def test_a_route_that_changes_nothing_has_no_file():
    tree = tree_of(spec({"paranoia_level": 2}, {"paranoia_level": 2, "mode": "block"}))

    assert [name for name in tree if name.startswith("modsecurity/routes/")] == []
    assert "modsecurity_rules_file" not in _LOCATION.search(tree["nginx.conf"])[1]


@pytest.mark.parametrize(
    ("own", "lines"),
    [
        ({"mode": "detect"}, ["SecRuleEngine DetectionOnly"]),
        (
            {"inspect_responses": True},
            ["SecResponseBodyAccess On", "SecRule RESPONSE_HEADERS", "SecAction"],
        ),
        ({"max_arguments": 5}, ["SecArgumentsLimit 6", "SecAction"]),
        ({"paranoia_level": 2}, ["SecAction"]),
    ],
    ids=str,
)
def test_a_route_s_file_has_only_what_differs(own: dict[str, Any], lines: list[str]):
    file = tree_of(spec({}, own))["modsecurity/routes/route.conf"]

    assert re.findall(r"^(Sec\w+(?: \w+)?)", file, re.MULTILINE) == lines


@pytest.mark.parametrize(
    ("common", "own", "size", "in_nginx"),
    [
        ("10m", None, 10 * 1024**2, "10m"),
        ("10m", "512k", 512 * 1024, "512k"),
        ("1000", "70m", 70 * 1024**2, "70m"),
        ("2m", "1000", 1000, "1000"),
    ],
)
def test_one_limit_for_bodies_through_all_layers(common, own, size: int, in_nginx: str):
    route = {"max_body": own} if own else {}
    holds = in_force(tree_of(f"max_body: {common}\n{spec({}, {}, **route)}"))

    assert holds["body"] == {str(size)}
    assert holds["nginx body"] == in_nginx


@pytest.mark.parametrize(
    ("common", "own", "route", "allowed"),
    [
        # What nginx lets through by `methods` is no attack in the rules' eyes.
        (["GET", "POST"], None, ["GET"], "GET HEAD"),
        (["GET", "HEAD", "POST"], None, ["GET"], "GET HEAD POST"),
        (["GET", "HEAD"], None, ["PURGE", "GET"], "PURGE GET HEAD"),
        (["GET", "HEAD"], None, ["PURGE"], "PURGE"),
        (["GET", "HEAD"], ["GET", "PURGE"], ["PURGE"], "GET PURGE"),
        (["GET", "HEAD"], ["GET", "PUT"], None, "GET PUT"),
    ],
)
def test_the_methods_of_a_route_are_allowed_in_the_rules(common, own, route, allowed: str):
    holds = in_force(
        tree_of(
            spec(
                {"allowed_methods": common},
                {"allowed_methods": own} if own else {},
                **({"methods": route} if route else {}),
            )
        )
    )

    assert holds["variables"]["allowed_methods"] == allowed


@pytest.mark.parametrize(
    ("own", "route", "allowed"),
    [
        (None, ["text/csv"], "|text/csv| |a/b|"),
        # The header of a request without a body is looked at, too: the common types stay.
        (None, ["x/y", "a/b"], "|text/csv| |a/b| |x/y|"),
        (["x/y", "c/d"], ["x/y"], "|x/y| |c/d|"),
        (["c/d"], None, "|c/d|"),
    ],
)
def test_the_types_of_a_route_are_allowed_in_the_rules(own, route, allowed: str):
    holds = in_force(
        tree_of(
            spec(
                {"allowed_content_types": ["text/csv", "a/b"]},
                {"allowed_content_types": own} if own else {},
                **({"content_types": route} if route else {}),
            )
        )
    )

    assert holds["variables"]["allowed_request_content_type"] == allowed


@pytest.mark.parametrize(
    ("common", "own", "places"),
    [
        (True, None, ["waf.early_blocking"]),
        (None, True, ["routes[1].waf.early_blocking"]),
        (True, True, ["waf.early_blocking", "routes[1].waf.early_blocking"]),
        (True, False, ["waf.early_blocking"]),
        (False, False, []),
    ],
)
def test_early_blocking_needs_crs_4(common, own, places: list[str]):
    text = spec(given("early_blocking", common), given("early_blocking", own))
    if not places:
        assert config_of(text, OLD)
        return
    with pytest.raises(ProblemsError) as caught:
        config_of(text, OLD)

    assert [problem.message for problem in caught.value.problems] == [
        f"{place} needs the Core Rule Set 4, and this is 3.3.4" for place in places
    ]


def test_what_holds_for_every_route():
    old, new = (tree_of(SMALLEST, target)["modsecurity/crs-setup.conf"] for target in (OLD, NEWEST))

    assert dict(_SETVAR.findall(old))["crs_setup_version"] == "334"
    assert dict(_SETVAR.findall(new))["crs_setup_version"] == "4251"
    for text, name in ((old, "restricted_headers"), (new, "restricted_headers_basic")):
        headers = dict(_SETVAR.findall(text))[name].split()
        assert "/content-encoding/" in headers
        assert not {"/expect/", "/accept-charset/"} & set(headers)
    # Rules of ours look into XML attributes where the rule set's own do not.
    assert "id:90200" in old
    assert "tx.anomaly_score_pl1=" in old
    assert "id:90200" not in new


@for_each("common", [False, True])
@for_each("own", [LEFT_OUT, False, True])
@for_each("route", [{}, {"streaming": True}, {"websocket": True}], ids=str)
def test_responses_are_read_held_and_asked_for_together(common: bool, own: Any, route: dict):
    if route.get("streaming") and own:
        return  # an error, for what has passed cannot be read
    tree = tree_of(spec({"inspect_responses": common}, given("inspect_responses", own), **route))
    location = _LOCATION.search(tree["nginx.conf"])[1]  # type: ignore[index]
    file = directive(location, "modsecurity_rules_file")
    route_rules = tree[file] if file else ""
    reads = (common if own is LEFT_OUT else own) and "streaming" not in route

    refuses = ("id:90920" in tree["modsecurity/engine.conf"] + route_rules) and (
        "SecRuleRemoveById 90920" not in route_rules
    )
    assert in_force(tree)["responses"] == ("On" if reads else "Off")
    assert refuses == reads
    assert ('Accept-Encoding ""' in location) == reads
    assert ("postpone_output" in location) == (reads and "websocket" not in route)
