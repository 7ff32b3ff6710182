"""Corrections of a spec as rules: which there are, and where they are switched off."""

from __future__ import annotations

import pytest
from specs import OLD, SMALLEST, TWO_BACKENDS, config_of, tree_of

from waf_builder.config.build import NEWEST
from waf_builder.config.corrections import TABLE
from waf_builder.config.model import Target
from waf_builder.seclang.document import read
from waf_builder.spec.model import Corrections

FILE = "modsecurity/corrections.conf"
EVERY_NAME = list(Corrections.model_fields)
TARGETS = pytest.mark.parametrize("target", [NEWEST, OLD], ids=["crs-4", "crs-3"])


def switched(names: list[str], *, on: bool, indent: str = "  ") -> str:
    values = ", ".join(f"{name}: {str(on).lower()}" for name in names)
    return f"{indent}corrections: {{{values}}}\n"


def needed(spec: str, path: str | None = None) -> set[str]:
    """Return the corrections that the http level, or the file of a route, says are off."""
    config = config_of(spec)
    variables = config.policy.variables
    if path:
        (route,) = (one for one in config.route_policies if one.route.endswith(path))
        variables = route.variables or ()
    off = {name for name, _ in variables if name.startswith("waf_needed_")}
    return {one.name for one in config.corrections if one.needed in off}


def test_the_table_has_every_name_of_the_spec():
    assert {entry.name for entry in TABLE} == set(EVERY_NAME)


@TARGETS
def test_all_of_them_are_on_by_default(target: Target):
    tree = tree_of(SMALLEST, target)
    assert "Include corrections.conf\n" in tree["modsecurity/main.conf"]
    assert "waf_needed_" not in tree["modsecurity/crs-setup.conf"]
    assert {one.name for one in config_of(SMALLEST, target).corrections} >= {
        "apostrophe_in_file_names",
        "commands_in_prose",
    }


@TARGETS
def test_there_is_no_file_when_all_of_them_are_off(target: Target):
    tree = tree_of(SMALLEST + "waf:\n" + switched(EVERY_NAME, on=False), target)
    assert FILE not in tree
    assert "corrections" not in tree["modsecurity/main.conf"]


def test_one_that_is_off_leaves_no_rule_and_the_others_keep_their_ids():
    all_of_them = {one.name: one.id for one in config_of(SMALLEST).corrections}
    spec = SMALLEST + "waf:\n" + switched(["dollar_words"], on=False)
    fewer = {one.name: one.id for one in config_of(spec).corrections}
    assert fewer == {name: id_ for name, id_ in all_of_them.items() if name != "dollar_words"}


def test_a_route_can_be_without_one():
    spec = (
        TWO_BACKENDS
        + "routes:\n  - {path: /, backend: site}\n  - path: /api/\n    backend: api\n    waf:\n"
        + switched(["dollar_words"], on=False, indent="      ")
    )
    assert needed(spec) == set()
    assert needed(spec, "/api/") == {"dollar_words"}


def test_a_route_can_be_the_only_one_that_has_it():
    spec = (
        TWO_BACKENDS
        + "routes:\n  - {path: /, backend: site}\n  - path: /api/\n    backend: api\n    waf:\n"
        + switched(["dollar_words"], on=True, indent="      ")
        + "waf:\n"
        + switched(EVERY_NAME, on=False)
    )
    assert {one.name for one in config_of(spec).corrections} == {"dollar_words"}
    assert needed(spec) == {"dollar_words"}
    assert needed(spec, "/api/") == set()


@TARGETS
def test_every_id_is_used_once_and_in_the_same_range(target: Target):
    rules = [one.rule for one in read(tree_of(SMALLEST, target)[FILE], FILE).directives if one.rule]
    ids = [rule.id for rule in rules if rule.id]
    assert len(ids) == len(set(ids))
    assert {id_ // 100 for id_ in ids} == {904}
