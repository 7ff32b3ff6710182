"""A request must not reach a backend under another route's policy, however its path is written.

nginx chooses the route by the decoded and normalized path; the backend gets what was sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.waf import mark

if TYPE_CHECKING:
    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

    from .conftest import Boot

pytestmark = pytest.mark.nginx

ATTACK = "?q=%3Cscript%3Ealert(1)%3C/script%3E"

SPEC = """\
backend: {host: site.internal, port: @PORT@}
workers: 1
routes:
  - {path: /}
  - {path: /off/, waf: {mode: "off"}}
  - {path: /off/in/}
  - {path: /détecté, waf: {mode: detect}}
  - {path: /read, methods: [GET]}
  - {path: /one, exact: true, waf: {mode: "off"}}
  - {path: /a.b(c), waf: {mode: "off"}}
"""


@pytest.fixture(scope="module")
def guarded(engine: Engine, boot: Boot, dns: NameServer, fleet: list[Backend]) -> Waf:
    dns.set("site.internal", fleet[0].name)
    return boot(SPEC.replace("@PORT@", str(fleet[0].port)), engine)


@pytest.mark.parametrize(
    "target",
    [
        # What an app may take for /read/ID, and nginx takes for /off/.
        "/read/..%2foff/x",
        "/read/x/..%2f..%2foff/x",
        "/read/%2e%2e%2Foff/",
        "/read//../off/x",
        "/read%2f..%2foff/x",
        # What an app may take for /read, or a path of its own, and nginx for below /off/.
        "/off/..;/read",
        "/off/..%3b/read",
        "/off/%5c..%5cread",
        "/off/..\\read",
        "/off/%252e%252e%252fread",
        "/off/%" + "25" * 5000 + "/..;/read",
        "/off/#/../../read",
        "/off/x%2fy/../../read",
        "/off/x%2Fy/%2e%2e/",
        # What an app may take for another path altogether.
        "/off%2fx",
        "//off/x",
        "/./off/x",
        "/%2e/off/x",
        "/%6fff/x",
        "/off/in%2fx",
        "/off//in/x",
        "/one%2f../one",
        "/%6fne",
        "/d%c3%a9tect%C3%A9/../off/",
        "//d%c3%a9tect%C3%A9",
        "/a.b%28c%29/../x",
        "//a.b(c)",
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_refused(guarded: Waf, site: Backend, target: str):
    response = guarded.ask(f"{target}{ATTACK}", headers={"Accept": "application/json"})
    assert response.status in {400, 403}
    assert site.received() == []


def test_it_is_a_400_that_the_log_calls_a_reject(guarded: Waf, site: Backend):
    marker = mark()
    assert guarded.ask(f"/read/..%2foff/{marker}").status == 400
    line = guarded.access(marker)
    seen = (line["http.response.status_code"], line["event.action"], line["waf.route"])
    assert seen == (400, "reject", "")
    assert site.received() == []


@pytest.mark.parametrize(
    "target",
    [
        "/off/x",
        "/off/x;v=1/a%2fb//c/./d/%2e/..e/f../...",
        "/off/?next=/../read",
        "/off/?a=..%2f..%2f",
        "/off/caf%C3%A9/%20/a(b)",
        "/d%C3%A9tect%c3%a9/x",
        "/détecté/x%2fy",
        "/one",
        "/one?x=1",
        "/a.b(c)/x",
        "/a.b%28c%29/x",
        "/a.b%28c)",
    ],
)
def test_a_route_without_a_policy_takes_what_belongs_to_it(
    guarded: Waf, site: Backend, target: str
):
    glue = "&" if "?" in target else "?"
    assert guarded.ask(f"{target}{glue}{ATTACK[1:]}").status == 200
    assert len(site.received()) == 1


@pytest.mark.parametrize(
    "target", ["/off/a/../b", "/off/a/..%2fb", "/d%C3%A9tect%c3%a9/../détecté"]
)
def test_dots_that_stay_in_a_route_are_its_own_business(guarded: Waf, site: Backend, target: str):
    assert guarded.ask(target).status == 200
    assert [one.target for one in site.received()] == [target.encode()]


@pytest.mark.parametrize("target", ["/x%2Fy//z/./w", "/x/..y", "/offline", "/%6fffer", "/one/x"])
def test_other_paths_pass_as_they_are(guarded: Waf, site: Backend, target: str):
    assert guarded.ask(target).status == 200
    assert [one.target for one in site.received()] == [target.encode()]


@pytest.mark.parametrize("target", ["/off/x", "//off/x", "/read/..%2foff/x"])
def test_an_absolute_target_is_no_way_around(guarded: Waf, site: Backend, target: str):
    status = guarded.ask(f"http://waf.test{target}").status
    assert status == (200 if target == "/off/x" else 400)
    assert len(site.received()) == (status == 200)
