"""Which paths are guarded: those where another reading would mean another policy."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from specs import TWO_BACKENDS, config_of

from waf_builder.config.model import Config

DETECT = {"mode": "detect"}
A = "^(?:(?!/a/)[^ ]+ /a/|/a/[^ ]* (?!/a/))"


def config(*routes: dict[str, Any]) -> Config:
    given = [{"backend": "site", **route} for route in routes]
    return config_of(f"{TWO_BACKENDS}routes: {json.dumps(given)}\n")


@pytest.mark.parametrize(
    "routes",
    [
        [{"path": "/"}],
        [{"path": "/"}, {"path": "/a/"}, {"path": "/b/", "backend": "api"}],
        [{"path": "/"}, {"path": "/a/", "max_body": "1m"}],
        [{"path": "/", "waf": DETECT}, {"path": "/a/", "waf": DETECT}],
    ],
)
def test_where_all_routes_are_alike_nothing_is(routes: list[dict[str, Any]]):
    made = config(*routes)

    assert (made.routes_differ, made.guarded_paths) == (False, ())


@pytest.mark.parametrize(
    "difference",
    [
        {"waf": DETECT},
        {"waf": {"paranoia_level": 2}},
        {"waf": {"max_arguments": 2000}},
        {"methods": ["GET"]},
        {"content_types": ["application/json"]},
        {"websocket": True},
        {"access": {"deny": ["192.0.2.0/24"]}},
    ],
    ids=str,
)
def test_a_route_that_differs_is(difference: dict[str, Any]):
    made = config({"path": "/"}, {"path": "/a/", **difference}, {"path": "/b/"})

    assert made.routes_differ
    assert made.guarded_paths == (A,)


def test_so_is_one_below_it_that_does_not():
    made = config({"path": "/"}, {"path": "/a/", "waf": DETECT}, {"path": "/a/b"})

    assert made.guarded_paths == (A, "^(?:(?!/a/b)[^ ]+ /a/b|/a/b[^ ]* (?!/a/b))")


def test_so_is_the_only_way_in():
    made = config({"path": "/a/"})

    assert made.routes_differ
    assert made.guarded_paths == (A,)


def test_an_exact_path_is_no_way_to_others():
    made = config({"path": "/"}, {"path": "/a", "exact": True, "waf": DETECT}, {"path": "/a/b"})

    (pattern,) = made.guarded_paths
    assert not re.match(pattern, "/a /a")
    assert not re.match(pattern, "/a?b /a")
    assert re.match(pattern, "//a /a")
    assert not re.match(pattern, "/a%2f /a/")


@pytest.mark.parametrize("sent", ["/caf\u00e9(1)", "/caf%C3%A9%281)", "/caf%c3%a9(1%29?x"])
def test_encoded_as_clients_do_it_is_spelled_out(sent: str):
    made = config({"path": "/"}, {"path": "/caf\u00e9(1)", "waf": DETECT})

    (pattern,) = made.guarded_paths
    assert not re.match(pattern, f"{sent} /caf\u00e9(1)")
    assert re.match(pattern, f"/{sent} /caf\u00e9(1)")
    assert re.match(pattern, f"{sent.replace('c', '%63', 1)} /caf\u00e9(1)")


def test_many_routes_take_no_time_and_few_patterns():
    began = time.monotonic()
    made = config({"path": "/"}, *({"path": f"/a/{n}/", "waf": DETECT} for n in range(2000)))

    assert len(made.guarded_paths) < 100
    assert max(map(len, made.guarded_paths)) < 4096  # what one word of nginx.conf can have
    guards = [re.compile(pattern) for pattern in made.guarded_paths]
    for number in range(0, 2000, 97):
        plain, unclear = f"/a/{number}/x /a/{number}/x", f"//a/{number}/ /a/{number}/"
        assert not any(guard.match(plain) for guard in guards)
        assert any(guard.match(unclear) for guard in guards)
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(("count", "patterns"), [(100, 100), (101, 4)])
def test_up_to_a_hundred_stand_one_a_line(count: int, patterns: int):
    made = config({"path": "/"}, *({"path": f"/a/{n}/", "waf": DETECT} for n in range(count)))

    assert len(made.guarded_paths) == patterns
