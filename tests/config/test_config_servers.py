"""Which request meets which route, decided as nginx does: by host, then by path."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs import TWO_BACKENDS, config_of, tree_of

from waf_builder.config.model import Config, Location, Server


def config(*routes: dict[str, Any]) -> Config:
    given_routes = [{"backend": "site", **route} for route in routes]
    return config_of(f"{TWO_BACKENDS}routes: {json.dumps(given_routes)}\n")


def server_for(config: Config, host: str) -> Server:
    """Choose a server as nginx does: an exact name, the longest wildcard, the first server."""
    for server in config.servers:
        if host in server.names:
            return server
    wildcards = [
        (len(name), server)
        for server in config.servers
        for name in server.names
        if name.startswith("*.") and host.endswith(name[1:])
    ]
    return max(wildcards, key=lambda pair: pair[0], default=(0, config.servers[0]))[1]


def location_for(server: Server, path: str) -> Location | None:
    """Choose a location as nginx does: an equal one, else the longest prefix."""
    equal = [one for one in server.locations if one.modifier == "=" and one.path == path]
    prefixes = [one for one in server.locations if not one.modifier and path.startswith(one.path)]
    return next(iter(equal), max(prefixes, key=lambda one: len(one.path), default=None))


def label(config: Config, host: str, path: str) -> str:
    found = location_for(server_for(config, host), path)
    return found.label if found else "404"


def test_a_route_without_hosts_holds_everywhere():
    made = config({"path": "/"}, {"path": "/a", "hosts": ["a.com"]})

    assert [server.names for server in made.servers] == [(), ("a.com",)]
    assert label(made, "any.com", "/a") == "/"
    assert label(made, "a.com", "/a") == "a.com/a"
    assert label(made, "a.com", "/b") == "/"


def test_a_host_s_own_route_stands_before_one_that_holds_everywhere():
    made = config({"path": "/"}, {"path": "/", "hosts": ["a.com"], "backend": "api"})

    assert label(made, "a.com", "/") == "a.com/"
    assert label(made, "b.com", "/") == "/"
    assert [len(server.locations) for server in made.servers] == [1, 1]


def test_routes_of_a_wildcard_hold_on_the_names_below_it():
    made = config(
        {"path": "/"},
        {"path": "/admin", "hosts": ["*.a.com"]},
        {"path": "/", "hosts": ["*.b.a.com"]},
        {"path": "/v1", "hosts": ["api.a.com"]},
        {"path": "/admin", "hosts": ["open.a.com"]},
    )

    assert label(made, "api.a.com", "/admin") == "*.a.com/admin"
    assert label(made, "api.a.com", "/v1") == "api.a.com/v1"
    assert label(made, "x.b.a.com", "/admin") == "*.a.com/admin"
    assert label(made, "x.b.a.com", "/") == "*.b.a.com/"
    assert label(made, "open.a.com", "/admin") == "open.a.com/admin"
    assert label(made, "a.com", "/admin") == "/"


def test_hosts_with_the_same_routes_share_a_server():
    made = config(
        {"path": "/", "hosts": ["a.com", "b.com", "c.com"]}, {"path": "/c", "hosts": ["c.com"]}
    )

    assert [server.names for server in made.servers] == [(), ("a.com", "b.com"), ("c.com",)]


def test_a_host_that_no_route_names_is_not_found():
    made = config({"path": "/", "hosts": ["a.com"]})

    assert [(server.names, len(server.locations)) for server in made.servers] == [
        ((), 0),
        (("a.com",), 1),
    ]
    default = tree_of(f"{TWO_BACKENDS}routes: [{{path: /, hosts: [a.com], backend: api}}]\n")[
        "nginx.conf"
    ].split("    server {")[1]
    assert "location / {\n            modsecurity off;\n            return 404;" in default


@pytest.mark.parametrize(
    ("routes", "all_paths"),
    [
        ([{"path": "/"}], True),
        ([{"path": "/a"}], False),
        ([{"path": "/", "exact": True}], False),
        ([{"path": "/", "exact": True}, {"path": "/"}], True),
    ],
)
def test_what_no_route_names_is_not_found(routes: list[dict[str, Any]], all_paths: bool):
    assert config(*routes).servers[0].answers_everything is all_paths


_HOSTS = ["a.com", "b.a.com", "*.a.com", "*.b.a.com", "c.com"]
_PATHS = ["/", "/a", "/a/", "/a/b", "/c"]
_ROUTES = st.lists(
    st.tuples(
        st.sets(st.sampled_from(_HOSTS), max_size=3),
        st.sampled_from(_PATHS),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@given(_ROUTES)
def test_the_most_specific_route_wins_whatever_the_order(routes):
    """A route holds where its hosts and its path match.

    Of several, an exact path wins, then the longest; of one path, the most specific host.
    """
    taken = set()
    kept = []
    for hosts, path, exact in routes:
        own = {host for host in hosts or {"*"} if (host, path, exact) not in taken}
        if own:
            taken |= {(host, path, exact) for host in own}
            kept.append((own - {"*"}, path, exact))
    made = config(
        *(
            {"path": path, "exact": exact, **({"hosts": sorted(hosts)} if hosts else {})}
            for hosts, path, exact in kept
        )
    )

    def specificity(hosts: set[str], host: str) -> int | None:
        found = [
            100 if name == host else len(name)
            for name in hosts
            if name == host or (name.startswith("*.") and host.endswith(name[1:]))
        ]
        return max(found, default=None if hosts else 0)

    asked = ["a.com", "b.a.com", "x.a.com", "x.b.a.com", "c.com", "other.org"]
    for host, path in itertools.product(asked, [*_PATHS, "/a/b/c", "/d"]):
        matching = [
            ((exact, len(of), specific), (hosts, of, exact))
            for hosts, of, exact in kept
            if (of == path if exact else path.startswith(of))
            and (specific := specificity(hosts, host)) is not None
        ]
        found = location_for(server_for(made, host), path)
        if not matching:
            assert found is None
        else:
            _, (_, of, exact) = max(matching, key=lambda pair: pair[0])
            assert (found.path, found.modifier == "=") == (of, exact)
            assert any(
                label_hosts(hosts) == found.label.removeprefix("= ").removesuffix(of)
                for (key, (hosts, _, _)) in matching
                if key == max(one for one, _ in matching)
            )


def label_hosts(hosts: set[str]) -> str:
    names = sorted(hosts)
    return ",".join(names[:2]) + (",..." if len(names) > 2 else "")


@pytest.mark.parametrize(
    ("route", "name"),
    [
        ({"path": "/"}, "/"),
        ({"path": "/a", "exact": True}, "= /a"),
        ({"path": "/a", "hosts": ["a.com"]}, "a.com/a"),
        ({"path": "/a", "hosts": ["a.com", "b.com", "c.com"]}, "a.com,b.com,.../a"),
    ],
)
def test_how_logs_name_a_route(route: dict[str, Any], name: str):
    made = config(route)

    assert {location.label for server in made.servers for location in server.locations} == {name}


def test_every_policy_has_a_file_of_its_own():
    strict = {"waf": {"paranoia_level": 2}}
    made = config(
        {"path": "/", **strict},
        {"path": "/a", **strict},
        {"path": "/a/", **strict},
        {"path": "/A", **strict},
        {"path": "/a", "exact": True, **strict},
        {"path": "/é", **strict},
        {"path": "/è", **strict},
        {"path": "/a-2", **strict},
        {"path": f"/{'x' * 80}1", **strict},
        {"path": f"/{'x' * 80}2", **strict},
        {"path": "/b"},
        {"path": "/b/", **strict},
        {"path": "/", "hosts": ["*.a.com"], **strict},
    )
    files = [policy.file for policy in made.route_policies]

    assert len(files) == len(set(files)) == 12
    for file in files:
        assert re.fullmatch(r"modsecurity/routes/[a-z0-9][a-z0-9-]*\.conf", file)
        assert len(file) < 100
    assert files[:4] == [f"modsecurity/routes/{name}.conf" for name in ("root", "a", "a-2", "a-3")]


def test_a_policy_is_rendered_once_for_all_servers():
    made = config(
        {"path": "/", "waf": {"paranoia_level": 2}}, {"path": "/a", "hosts": ["a.com", "b.org"]}
    )

    assert len(made.route_policies) == 1
    assert len(made.servers) == 2


@pytest.mark.parametrize(
    ("methods", "allow"),
    [
        (["GET"], "GET, HEAD"),
        (["HEAD", "GET"], "HEAD, GET"),
        (["POST"], "POST"),
        (["GET", "POST"], "GET, POST, HEAD"),
    ],
)
def test_methods(methods: list[str], allow: str):
    (location,) = config({"path": "/", "methods": methods}).servers[0].locations

    assert location.allow == allow
    assert location.methods == allow.replace(", ", "|")


def test_content_types():
    names = ["application/json", "application/vnd.api+json"]
    (location,) = config({"path": "/", "content_types": names}).servers[0].locations

    assert location.accept == "application/json, application/vnd.api+json"
    assert location.content_types == "application/json|application/vnd[.]api[+]json"


def test_a_415_names_the_types_only_where_a_route_has_some():
    route = "path: /, backend: api, content_types: [application/json]"
    with_some = tree_of(f"{TWO_BACKENDS}routes: [{{{route}}}]\n")["nginx.conf"]
    without = tree_of(f"{TWO_BACKENDS}routes: [{{path: /, backend: api}}]\n")["nginx.conf"]

    assert "add_header Accept $waf_accept always;" in with_some
    assert "waf_body_type" in with_some
    assert "waf_accept" not in without
    assert "waf_body_type" not in without


def test_a_405_names_the_methods_only_where_a_route_has_some():
    with_some = tree_of(TWO_BACKENDS + "routes: [{path: /, backend: api, methods: [GET]}]\n")
    without = tree_of(TWO_BACKENDS + "routes: [{path: /, backend: api}]\n")

    assert "add_header Allow $waf_allow always;" in with_some["nginx.conf"]
    assert "Allow" not in without["nginx.conf"]


@pytest.mark.parametrize(
    ("route", "lines"),
    [
        ({"websocket": True}, ["proxy_set_header Upgrade "]),
        ({"streaming": True}, ["proxy_buffering off;"]),
        ({"max_body": "1k"}, ["client_max_body_size 1k;"]),
        ({"waf": {"mode": "off"}}, ["modsecurity off;", "set $waf_mode off;"]),
        ({"waf": {"inspect_responses": True}}, ['proxy_set_header Accept-Encoding "";']),
    ],
)
def test_what_a_location_says(route: dict[str, Any], lines: list[str]):
    def location(**keys: Any) -> str:
        text = f"{TWO_BACKENDS}routes: {json.dumps([{'path': '/x', 'backend': 'api', **keys}])}\n"
        return tree_of(text)["nginx.conf"].split("location /x {")[1].split("\n        }\n")[0]

    for line in lines:
        assert line in location(**route)
        assert line not in location()


def test_a_location_with_a_header_of_its_own_has_all_of_them():
    """nginx inherits proxy_set_header all or nothing."""
    tree = tree_of(
        TWO_BACKENDS.replace("8080}", "8080, host_header: internal}") + "routes:\n"
        "  - {path: /, backend: site}\n"
        "  - {path: /live, backend: site, websocket: true}\n"
        "  - {path: /leaks, backend: site, waf: {inspect_responses: true}}\n"
        "  - {path: /api, backend: api}\n"
    )
    common, *locations = re.split(r"\n        location ", tree["nginx.conf"])
    headers = set(re.findall(r"proxy_set_header (\S+)", common))

    assert len(headers) > 8
    for location in locations:
        own = set(re.findall(r"proxy_set_header (\S+)", location))
        assert not own or own >= headers
