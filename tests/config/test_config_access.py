"""Where nginx asks who comes, and what the list says."""

from __future__ import annotations

from specs import TWO_BACKENDS, config_of, tree_of

from waf_builder.config.model import Config, Gate, Location

SPEC = (
    TWO_BACKENDS
    + """\
access: {allow: [192.0.2.0/24], deny: [192.0.2.8/29]}
routes:
  - {path: /, backend: site}
"""
)


def gates(config: Config) -> list[Gate | None]:
    return [location.gate for location in locations(config)]


def locations(config: Config) -> list[Location]:
    return [location for server in config.servers for location in server.locations]


def test_one_list_for_all_routes_is_asked_before_there_is_a_route():
    config = config_of(SPEC)
    asked = config.access_everywhere

    assert asked
    assert (asked.otherwise, asked.entries) == (1, (("192.0.2.0/24", 0), ("192.0.2.8/29", 1)))
    assert gates(config) == [None]
    assert config.access_elsewhere is None


def test_where_a_route_has_its_own_each_has_a_gate():
    config = config_of(SPEC + "  - {path: /a/, backend: api, access: {deny: [10.0.0.0/8]}}\n")
    common, own = config.address_lists

    assert config.access_everywhere is None
    assert config.access_elsewhere == common
    assert gates(config) == [Gate(addresses=common), Gate(addresses=own)]
    assert own.otherwise == 0


def test_a_route_that_is_open_has_none():
    config = config_of(SPEC + "  - {path: /a/, backend: api, access: off}\n")

    assert gates(config)[1] is None
    assert gates(config)[0] is not None


def test_equal_lists_are_one():
    own = "access: {deny: [10.0.0.0/8]}"
    config = config_of(
        SPEC + "".join(f"  - {{path: /{name}, backend: api, {own}}}\n" for name in "abc")
    )

    assert len(config.address_lists) == 2
    assert len({location.behind_gate for location in locations(config)}) == 4


def test_a_path_that_lacks_a_slash_is_completed_unless_it_is_a_route():
    config = config_of(
        SPEC
        + "  - {path: /a/, backend: api, access: off}\n"
        + "".join(
            f"  - {{path: {path}, backend: api, access: {{deny: [10.0.0.0/8]}}}}\n"
            for path in ("/é~f/", "/b/", "/b", "/c/", "/d")
        )
        + "  - {path: /c, exact: true, backend: api}\n"
    )

    assert config.servers[0].slash_redirects == (("/é~f", "/%C3%A9~f/"),)


def test_ranges_stand_in_a_file_of_their_own():
    tree = tree_of(SPEC)

    assert tree["access/1.conf"] == "192.0.2.0/24 0;\n192.0.2.8/29 1;\n"
    assert "192.0.2." not in tree["nginx.conf"]
