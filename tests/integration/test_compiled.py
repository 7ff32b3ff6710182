"""The compiled rules in a running WAF, beside a user's own rules that speak of the others."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from support import waf as wafs

from waf_builder.render.publish import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

SQLI_END = "END-REQUEST-942-APPLICATION-ATTACK-SQLI"
BEFORE = f"""\
SecRule REQUEST_URI "@beginsWith /skip" \\
    "id:1001,phase:2,pass,nolog,skipAfter:'{SQLI_END}'"
SecRule REQUEST_URI "@beginsWith /apart" "id:1002,phase:1,pass,nolog,ctl:ruleRemoveById=942130"
"""
AFTER = """\
SecRuleRemoveById 942120
SecRuleUpdateTargetById 942130 "!ARGS:q"
"""
"""942130 and 942120 are of level 2: not loaded."""

XSS = "?q=%3Cscript%3Ealert(1)%3C/script%3E"
JAVA = "?q=java.lang.Runtime"


@pytest.fixture(scope="module")
def own_waf(
    engine: Engine, trees: Path, dns: NameServer, fleet: list[object]
) -> Iterator[tuple[Waf, Path]]:
    folder = trees / f"compiled-{engine.nginx_version}"
    for name, text in (("before-crs", BEFORE), ("after-crs", AFTER)):
        rules = folder / "waf" / "rules" / name
        rules.mkdir(parents=True)
        (rules / "own.conf").write_text(text)
    port = fleet[0].port  # type: ignore[attr-defined]
    spec = f"backend: {{host: {fleet[0].name}, port: {port}}}\nworkers: 1\n"  # type: ignore[attr-defined]
    wafs.render(spec, folder / "tree", engine)
    with contextlib.ExitStack() as stack:
        yield (
            stack.enter_context(wafs.running(folder / "tree", resolver=dns.address)),
            folder / "tree",
        )


def test_the_tree_has_its_own_rules(own_waf: tuple[Waf, Path]):
    _, tree = own_waf
    assert (tree / MANIFEST).is_file()
    assert "Include modsecurity/crs/*.conf" in (tree / "modsecurity/main.conf").read_text()


def test_a_user_s_rules_may_speak_of_rules_that_are_not_loaded(own_waf: tuple[Waf, Path]):
    waf, _ = own_waf
    assert waf.ask("/").status == 200
    assert waf.ask("/apart").status == 200
    assert waf.ask(f"/{XSS}").status == 403


def test_a_user_s_rule_may_jump_to_a_marker_that_no_other_rule_needs(own_waf: tuple[Waf, Path]):
    waf, _ = own_waf
    assert waf.ask(f"/skip{XSS}").status == 200
    assert waf.ask(f"/skip{JAVA}").status == 403
    assert waf.ask(f"/other{JAVA}").status == 403


def test_records_name_the_files_and_lines_of_the_rule_set(
    own_waf: tuple[Waf, Path], engine: Engine
):
    waf, _ = own_waf
    mark = wafs.mark()
    waf.ask(f"/{mark}{XSS}")
    assert engine.crs
    for message in waf.audit(mark)["messages"]:
        details = message["details"]
        file = engine.crs.rules / details["file"].rpartition("/")[2]
        lines = file.read_text(encoding="utf-8").splitlines()
        near = "\n".join(lines[int(details["lineNumber"]) - 3 : int(details["lineNumber"]) + 6])
        assert f"id:{details['ruleId']}," in near
