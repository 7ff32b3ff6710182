"""The platform's names, and the versions that a configuration is written for."""

from __future__ import annotations

import pytest
from specs import APP_ID, NETWORK_ID, OLD, SMALLEST, spec_of, tree_of

from waf_builder.config.build import NEWEST
from waf_builder.config.domains import all_forms, private_domain

SUFFIX = f"{APP_ID}.{NETWORK_ID}.private-network.internal"


def test_a_private_domain():
    assert private_domain(APP_ID, NETWORK_ID) == SUFFIX
    assert private_domain(APP_ID, NETWORK_ID, "api") == f"api.{SUFFIX}"
    assert private_domain(APP_ID, NETWORK_ID, "api", 3) == f"3.api.{SUFFIX}"


@pytest.mark.parametrize(
    ("text", "forms", "used"),
    [
        (SMALLEST, ["myappbackend", "1.myappbackend", "", "1"], "myappbackend"),
        (SMALLEST + "  index: 4\n", ["myappbackend", "4.myappbackend", "", "4"], "4.myappbackend"),
        (SMALLEST.replace("  process: myappbackend\n", ""), ["web", "1.web", "", "1"], ""),
    ],
)
def test_all_forms_of_a_name(text: str, forms: list[str], used: str):
    found = all_forms(spec_of(text).backend)

    assert [name for name, _ in found] == [f"{form}.{SUFFIX}".lstrip(".") for form in forms]
    ours = [name for name, meaning in found if meaning.endswith("  <- the WAF uses this")]
    assert ours == [f"{used}.{SUFFIX}".lstrip(".")]
    # It is the one that is rendered.
    assert f"default {ours[0]}:3000;" in tree_of(text)["nginx.conf"]


def test_a_host_has_one_name():
    backend = spec_of("backend: {host: a.internal, port: 80}\n").backend

    assert all_forms(backend) == [("a.internal", "the host as the spec has it")]


def test_a_part_that_boot_fills_in_is_named():
    backend = spec_of(f"backend: {{process: api, port: 80, app_id: {APP_ID}}}\n").backend

    assert all_forms(backend)[0][0] == (
        f"api.{APP_ID}.${{SCALINGO_PRIVATE_NETWORK_ID}}.private-network.internal"
    )


def test_no_name_is_longer_than_dns_allows():
    name = private_domain(APP_ID, NETWORK_ID, "p" * 24, 1022)

    assert len(name) <= 253
    assert max(len(label) for label in name.split(".")) <= 63


@pytest.mark.parametrize(("target", "pages"), [(OLD, False), (NEWEST, True)])
def test_a_refusal_has_a_page_only_where_that_does_not_cost_its_record(target, pages: bool):
    (line,) = [
        line
        for line in tree_of(SMALLEST, target)["nginx.conf"].splitlines()
        if "error_page" in line
    ]

    assert ({"400", "403"} <= set(line.split())) is pages
    assert {"404", "413", "429", "502", "503", "504"} <= set(line.split())


def test_a_target_in_words():
    assert str(OLD) == "nginx 1.22.1, libmodsecurity 3.0.9, CRS 3.3.4"
