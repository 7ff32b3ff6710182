from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.cases import for_each
from support.engines import NEWEST

from waf_builder.crs.installed import InstalledCrs
from waf_builder.crs.needs import PAIRS
from waf_builder.engine.compat import FIXES, check_pair
from waf_builder.problem import Problem, Severity
from waf_builder.version import Version

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine


def problem(code: str, **versions: str) -> Problem | None:
    """Return the problem with this code of the newest engine with other versions."""
    engine = replace(
        NEWEST,
        modsecurity_version=Version.parse(versions.get("modsecurity", "3.0.17")),
        connector_version=Version.parse(versions.get("connector", "1.0.4")),
        crs=InstalledCrs(Path("/crs"), Version.parse(versions.get("crs", "4.28.0"))),
    )
    return next((found for found in check_pair(engine) if found.code == code), None)


def test_the_newest_of_all_has_no_problem() -> None:
    assert check_pair(NEWEST) == []


def test_an_engine_without_rules_or_connector_version_is_judged_by_the_rest() -> None:
    assert check_pair(replace(NEWEST, crs=None, connector_version=None)) == []


@for_each(
    ("crs", "modsecurity", "goes"),
    [
        ("3.3.4", "3.0.9", True),
        ("3.3.9", "3.0.9", True),
        ("3.3.10", "3.0.15", False),
        ("3.3.10", "3.0.16", True),
        ("4.25.0", "3.0.9", True),
        ("4.25.1", "3.0.9", False),
        ("4.25.1", "3.0.15", False),
        ("4.25.2", "3.0.15", False),
        ("4.25.1", "3.0.16", True),
        ("4.26.0", "3.0.9", True),
        ("4.28.0", "3.0.9", True),
    ],
)
def test_which_rules_go_with_which_engine(crs: str, modsecurity: str, *, goes: bool) -> None:
    found = problem("engine.crs-needs-newer", crs=crs, modsecurity=modsecurity)
    assert (found is None) is goes


def test_a_pair_that_does_not_go_is_an_error_with_the_reason() -> None:
    assert problem("engine.crs-needs-newer", crs="4.25.1", modsecurity="3.0.14") == Problem(
        "engine.crs-needs-newer",
        "Core Rule Set 4.25.1 needs libmodsecurity 3.0.16 or newer, this is 3.0.14: its rule 901181"
        " has `XML://@*` as a target of ctl:ruleRemoveTargetByTag, which older ones cannot read",
        hint="Take another rule set (--crs: 4.28.0 loads on 3.0.9 too), or a newer engine"
        " (--engine).",
    )


@pytest.mark.parametrize(
    ("modsecurity", "fact"),
    [
        ("3.0.9", "libmodsecurity 3.0.9 does not enforce SecPcreMatchLimit, so"),
        ("3.0.12", "is not known to enforce SecPcreMatchLimit well enough: 3.0.14 is, so"),
        ("3.0.14", None),
    ],
)
def test_an_engine_without_a_limit_for_expressions_gets_a_warning(
    modsecurity: str, fact: str | None
) -> None:
    found = problem("engine.pcre-limit", modsecurity=modsecurity)
    if fact is None:
        assert found is None
    else:
        assert found is not None
        assert found.severity is Severity.WARNING
        assert fact in found.message
        assert found.message.endswith("one request of 2 KB can keep a worker busy for seconds")


def test_an_old_connector_gets_a_note() -> None:
    found = problem("engine.audit-log", connector="1.0.3")
    assert found is not None
    assert found.severity is Severity.NOTE
    assert found.message == (
        "the ModSecurity-nginx connector is 1.0.3: a page of our own for a request that the rules"
        " refused would cost its audit record, so nginx's plain page is sent"
    )
    assert problem("engine.audit-log", connector="1.0.4") is None


@for_each(
    ("modsecurity", "names"),
    [
        ("3.0.17", []),
        ("3.0.16", ["GHSA-cxqf-vgrr-xxrv", "GHSA-jx3r-phvx-2jmj", "GHSA-vmg8-j66p-vgvw"]),
        ("3.0.15", ["CVE-2026-52747", "CVE-2026-52761"]),
        ("3.0.14", ["CVE-2026-30923", "CVE-2026-42268"]),
        ("3.0.13", ["CVE-2025-27110"]),
        ("3.0.12", []),
        ("3.0.11", ["CVE-2024-1019"]),
        ("3.0.9", ["CVE-2023-38285"]),
    ],
)
def test_the_note_names_what_newer_versions_fix(modsecurity: str, names: list[str]) -> None:
    found = problem("engine.security-fixes", modsecurity=modsecurity)
    hint = found.hint if found else ""
    for name in names:
        assert f"{name}: " in hint
    if found:
        assert found.severity is Severity.NOTE


def test_the_hole_of_one_version_alone_is_not_told_of_older_ones() -> None:
    found = problem("engine.security-fixes", modsecurity="3.0.9")
    assert found is not None
    assert "CVE-2025-27110" not in found.hint


def test_the_data_makes_sense() -> None:
    assert all(pair.since < pair.before for pair in PAIRS)
    assert all(fix.since < fix.fixed for fix in FIXES)
    assert len({fix.name for fix in FIXES}) == len(FIXES)


@pytest.mark.nginx
def test_the_real_engines_go_with_the_rules_they_came_with(engine: Engine) -> None:
    assert [found for found in check_pair(engine) if found.severity is Severity.ERROR] == []
