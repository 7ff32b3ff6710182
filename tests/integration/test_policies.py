"""Every pair of a global policy and a route's: what holds in the engine is what the spec says.

Three global policies, each with a route for every value that each knob can have besides. What is
expected is worked out here from the spec alone, for each route as a whole, by somebody who has
read the documentation and none of the code.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest
from support import engines
from support import waf as wafs
from support.answers import text
from support.waf import mark

if TYPE_CHECKING:
    from pathlib import Path

    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

    Policy = Mapping[str, Any]
    Boot = Callable[[int, str], Waf]

pytestmark = pytest.mark.nginx

CRS_4 = os.environ.get("WAF_BUILDER_TEST_CRS_4", "")
_NO_CRS_4 = "no CRS 4 is in Debian: WAF_BUILDER_TEST_CRS_4=DIR has one"
FORM, JSON, CSV = "application/x-www-form-urlencoded", "application/json", "text/csv"
DEFAULT: Policy = {
    "mode": "block",
    "paranoia_level": 1,
    "inbound_anomaly_threshold": 5,
    "outbound_anomaly_threshold": 4,
    "early_blocking": False,
    "inspect_responses": False,
    "allowed_methods": ["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"],
    "allowed_content_types": [FORM, JSON, CSV],
    "max_arguments": 1000,
    "max_body": "10m",
}
"""What a spec without a word means, as far as these requests can tell."""
GLOBAL: tuple[Policy, ...] = (
    {},
    {
        "mode": "detect",
        "paranoia_level": 2,
        "detection_paranoia_level": 3,
        "inbound_anomaly_threshold": 3,
        "outbound_anomaly_threshold": 1000,
        "early_blocking": True,
        "inspect_responses": True,
        "allowed_methods": ["GET", "HEAD", "POST", "PATCH"],
        "allowed_content_types": [FORM, CSV],
        "max_arguments": 20,
        "max_body": "2k",
    },
    {
        "mode": "off",
        "paranoia_level": 1,
        "detection_paranoia_level": 2,
        "inbound_anomaly_threshold": 4,
        "outbound_anomaly_threshold": 3,
        "early_blocking": False,
        "inspect_responses": False,
        "allowed_methods": ["GET", "HEAD", "POST", "PUT"],
        "allowed_content_types": [FORM, JSON],
        "max_arguments": 10,
        "max_body": "1k",
    },
)
OWN: Mapping[str, tuple[Any, ...]] = {
    "mode": ("block", "detect", "off"),
    "paranoia_level": (1, 2, 3),
    "detection_paranoia_level": (1, 2, 4),
    "inbound_anomaly_threshold": (3, 5, 1000),
    "outbound_anomaly_threshold": (4, 1000),
    "early_blocking": (False, True),
    "inspect_responses": (False, True),
    "allowed_methods": (["GET", "HEAD"], ["GET", "HEAD", "POST", "DELETE"]),
    "allowed_content_types": ([JSON], [FORM, CSV, JSON]),
    "max_arguments": (15, 30),
    "max_body": ("1k", "3k"),
}
_BYTES = {"1k": 1024, "2k": 2048, "3k": 3072, "10m": 10 * 1024**2}
LADDER = "?text=one%0Atwo"
RUNGS = {2: 921151, 3: 920272, 4: 920273}
"""The ladder is a match of one rule at each of these levels, and of none at the first."""
SCRIPT = "?q=%3Cscript%3Ealert(1)%3C/script%3E"
SCANNER = {"User-Agent": "sqlmap/1.7"}
LEAK = b"You have an error in your SQL syntax; check the manual that corresponds to your MySQL"


def own_policies(common: Policy) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield a path for each route, and its own keys; all but those for modes block."""
    yield "inherit", {} if common.get("mode", "block") == "block" else {"mode": "block"}
    yield "common", {}
    for knob, values in OWN.items():
        for number, value in enumerate(values):
            own = {knob: value} if knob == "mode" else {"mode": "block", knob: value}
            if knob == "outbound_anomaly_threshold":
                own["inspect_responses"] = True
            if (
                holds(common, own)["detection_paranoia_level"]
                >= holds(common, own)["paranoia_level"]
            ):
                yield f"{knob}-{number}", own


def holds(common: Policy, own: Policy) -> dict[str, Any]:
    """Return the policy of a route: its own keys, else the spec's, else the default."""
    policy = {**DEFAULT, **common, **own}
    if "detection_paranoia_level" not in own:
        policy["detection_paranoia_level"] = max(
            common.get("detection_paranoia_level", 1), policy["paranoia_level"]
        )
    return policy


def spec(common: Policy, port: int, *, crs_4: bool) -> str:
    routes: list[dict[str, Any]] = [{"path": "/"}]
    for path, own in own_policies(common):
        waf = {key: value for key, value in own.items() if key != "max_body"}
        route = {"path": f"/{path}/", "waf": waf}
        routes.append({**route, "max_body": own["max_body"]} if "max_body" in own else route)
    top = {"max_body": common["max_body"]} if "max_body" in common else {}
    waf = {key: value for key, value in common.items() if key != "max_body"}
    for policy in [waf, *(route.get("waf", {}) for route in routes)]:
        if not crs_4:
            policy.pop("early_blocking", None)
    backend = {"host": "site.internal", "port": port}
    return json.dumps({"backend": backend, "workers": 1, "waf": waf, "routes": routes, **top})


@pytest.fixture(
    scope="module",
    params=["own", pytest.param("crs-4", marks=pytest.mark.skipif(not CRS_4, reason=_NO_CRS_4))],
)
def crs(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def started(
    engine: Engine, crs: str, trees: Path, dns: NameServer, fleet: list[Backend]
) -> Iterator[Callable[[int], Waf]]:
    """Return a function that returns the WAF of a global policy."""
    dns.set("site.internal", fleet[0].name)
    running: dict[int, Waf] = {}
    with contextlib.ExitStack() as stack:

        def start(number: int) -> Waf:
            if number not in running:
                tree = trees / mark()
                written = spec(GLOBAL[number], fleet[0].port, crs_4=crs == "crs-4")
                if crs == "crs-4":
                    used = engines.with_rules(engine, CRS_4)
                    wafs.render(written, tree, used, "--crs", CRS_4)
                else:
                    wafs.render(written, tree, engine)
                running[number] = stack.enter_context(wafs.running(tree, resolver=dns.address))
                running[number].await_backend("/common/")
            return running[number]

        yield start


@pytest.mark.parametrize("number", range(len(GLOBAL)))
class TestEveryRoute:
    def test_mode_and_inbound_threshold(self, started, number: int):
        """A script scores 15 and more, a Host that is an address 3."""
        for waf, path, policy in routes(started, number):
            limit = policy["inbound_anomaly_threshold"]
            assert ask(waf, f"/{path}/{SCRIPT}") == refused(policy, limit <= 15), path
            assert ask(waf, f"/{path}/", host="127.0.0.1") == refused(policy, limit <= 3), path
            assert ask(waf, f"/{path}/") == 200, path

    def test_paranoia_levels(self, started, crs: str, number: int):
        for waf, path, policy in routes(started, number):
            marker = mark()
            climbs = policy["paranoia_level"] > 1 and policy["inbound_anomaly_threshold"] <= 5
            assert ask(waf, f"/{path}/{marker}{LADDER}") == refused(policy, climbs), path
            seen = policy["detection_paranoia_level"] if policy["mode"] != "off" else 1
            expected = {rule for level, rule in RUNGS.items() if level <= seen}
            if crs == "crs-4" and policy["early_blocking"] and refused(policy, climbs) == 403:
                expected = {RUNGS[2]}  # it looks at headers; those after it never ran
            found = set(waf.rules(marker)) if expected else set()
            assert expected == found & set(RUNGS.values()), path
            if not expected:
                assert not recorded(waf, marker), path

    def test_methods(self, started, number: int):
        for waf, path, policy in routes(started, number):
            for method in ("PUT", "PATCH", "DELETE"):
                bad = method not in policy["allowed_methods"]
                bad = bad and policy["inbound_anomaly_threshold"] <= 5
                status = ask(waf, f"/{path}/", method=method)
                assert status == refused(policy, bad), (path, method)

    def test_content_types(self, started, number: int):
        for waf, path, policy in routes(started, number):
            for content_type, body in ((FORM, b"a=b"), (JSON, b"{}"), (CSV, b"a")):
                bad = content_type not in policy["allowed_content_types"]
                bad |= "POST" not in policy["allowed_methods"]
                bad = bad and policy["inbound_anomaly_threshold"] <= 5
                headers = {"Content-Type": content_type}
                status = ask(waf, f"/{path}/", method="POST", headers=headers, body=body)
                assert status == refused(policy, bad), (path, content_type)

    def test_max_arguments(self, started, number: int):
        for waf, path, policy in routes(started, number):
            for count in (10, 15, 20, 30, 31):
                query = "&".join(f"a{one}=1" for one in range(count))
                status = ask(waf, f"/{path}/?{query}")
                bad = count > policy["max_arguments"]
                assert status == refused(policy, bad, 400), (path, count)

    def test_max_body(self, started, number: int):
        """nginx itself says 413, whatever the mode."""
        for waf, path, policy in routes(started, number):
            if (
                "POST" not in policy["allowed_methods"]
                or FORM not in policy["allowed_content_types"]
            ):
                continue
            for size in (1000, 2000, 3000, 3100):
                headers = {"Content-Type": FORM}
                body = b"a=" + b"b" * (size - 2)
                status = ask(waf, f"/{path}/", method="POST", headers=headers, body=body)
                assert status == (413 if size > _BYTES[policy["max_body"]] else 200), (path, size)

    def test_responses(self, started, fleet: list[Backend], number: int):
        """A leak scores 5, or 4 with another rule set."""
        for waf, path, policy in routes(started, number):
            target = f"/{path}/{mark()}"
            fleet[0].on(target, text(LEAK, content_type="text/html"))
            stops = policy["inspect_responses"] and policy["outbound_anomaly_threshold"] <= 4
            with contextlib.suppress(EOFError):
                assert waf.ask(target).body == LEAK, path
                assert not (stops and policy["mode"] == "block"), path
                continue
            assert stops, path
            assert policy["mode"] == "block", path

    def test_early_blocking(self, started, crs: str, number: int):
        if crs != "crs-4":
            return
        for waf, path, policy in routes(started, number):
            if policy["mode"] == "block" and policy["inbound_anomaly_threshold"] <= 5:
                marker = mark()
                assert ask(waf, f"/{path}/{marker}", headers=SCANNER) == 403, path
                assert (949111 in waf.rules(marker)) == policy["early_blocking"], path


def routes(started: Callable[[int], Waf], number: int) -> Iterator[tuple[Waf, str, dict[str, Any]]]:
    """Yield the WAF, each route's path and the policy that should hold there."""
    waf = started(number)
    common = GLOBAL[number]
    for path, own in own_policies(common):
        yield waf, path, holds(common, own)


def refused(policy: Policy, bad: bool, status: int = 403) -> int:
    return status if bad and policy["mode"] == "block" else 200


def recorded(waf: Waf, marker: str) -> bool:
    """Whether there is a record; one worker writes them in the order of requests."""
    later = mark()
    ask(waf, f"/inherit/{later}{SCRIPT}")
    waf.audit(later)
    return any(marker in line for line in waf.stdout.lines)


def ask(waf: Waf, target: str, **how: Any) -> int:
    return waf.ask(target, **how).status


def test_every_value_of_a_knob_differs_from_one_of_the_spec_s():
    """Without it, a pair could be tried that could not be told from another."""
    for knob, values in OWN.items():
        common = [policy.get(knob, DEFAULT.get(knob)) for policy in GLOBAL]
        assert all(any(value != one for one in common) for value in values), knob
        assert len(values) > 1
