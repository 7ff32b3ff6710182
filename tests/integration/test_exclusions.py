"""Exclusions: each form, on real engines, and both sides of each of its borders.

A payload that one rule alone finds, so that what is left out of it is found by no other.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from support import engines
from support import waf as wafs
from support.waf import mark

from waf_builder import pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.backends import Backend
    from support.dns import NameServer
    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

SQLI = quote("1' or '1'='1", safe="")
XSS = quote("<b onclick=x>", safe="")


CRS_4 = os.environ.get("WAF_BUILDER_TEST_CRS_4", "")


@pytest.fixture(scope="session", params=["own", "crs-4"])
def used(request: pytest.FixtureRequest, engine: Engine) -> Engine:
    """Each engine with the rules that came with it, and with a Core Rule Set 4."""
    if request.param == "own":
        return engine
    if not CRS_4:
        pytest.skip("no CRS 4 is in Debian: WAF_BUILDER_TEST_CRS_4=DIR has one")
    return engines.with_rules(engine, CRS_4)


@pytest.fixture(scope="session")
def start(
    used: Engine, trees: Path, dns: NameServer, specs: Path, fleet: list[Backend]
) -> Iterator[Callable[[str], Waf]]:
    """Return a function that boots one of the specs until the session ends."""
    dns.set("site.internal", fleet[0].name)
    options = ["--crs", str(used.crs.folder)] if used.crs else []
    with contextlib.ExitStack() as stack:

        def boot(name: str) -> Waf:
            text = (specs / f"{name}.yaml").read_text(encoding="utf-8")
            tree = trees / mark()
            wafs.render(text.replace("@PORT@", str(fleet[0].port)), tree, used, *options)
            waf = stack.enter_context(wafs.running(tree, resolver=dns.address))
            waf.await_backend("/")
            return waf

        yield boot


@pytest.fixture(scope="session")
def scoped(start: Callable[[str], Waf]) -> Waf:
    """One route for everything, so that nginx itself refuses no odd path."""
    return start("exclusions")


@pytest.fixture(scope="session")
def routed(start: Callable[[str], Waf]) -> Waf:
    """Several routes with exclusions of their own."""
    return start("route-exclusions")


def passes(waf: Waf, target: str, **how: object) -> bool:
    status = waf.ask(target, **how).status  # type: ignore[arg-type]
    assert status in {200, 400, 403, 404, 405}, status
    return status == 200


def test_the_payload_is_found_by_one_rule(scoped: Waf):
    here = mark()

    assert not passes(scoped, f"/{here}?q={SQLI}")
    assert {one for one in scoped.rules(here) if one < 949000 and one > 901999} == {942100}


def test_a_target_for_all_requests(scoped: Waf):
    assert passes(scoped, f"/?everywhere={SQLI}")
    assert passes(scoped, f"/posts/x?everywhere={SQLI}")
    assert not passes(scoped, f"/?Everywhere={SQLI}")
    assert not passes(scoped, f"/?everywhere2={SQLI}")
    assert not passes(scoped, f"/?everywhere=1&other={SQLI}")
    assert not passes(scoped, f"/?everywhere={XSS}")
    assert not passes(scoped, "/", headers={"Cookie": f"everywhere={SQLI}"})


def test_a_target_in_a_body(scoped: Waf):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for name, expected in (("everywhere", True), ("other", False)):
        body = f"{name}={SQLI}".encode()
        assert passes(scoped, "/", method="POST", headers=form, body=body) is expected


def test_a_tag(scoped: Waf):
    assert passes(scoped, f"/?always={XSS}")
    assert not passes(scoped, f"/?always={SQLI}")
    assert not passes(scoped, f"/?alway={XSS}")
    assert passes(scoped, f"/posts?tagged={XSS}")
    assert not passes(scoped, f"/?tagged={XSS}")
    assert not passes(scoped, f"/posts?tagged={SQLI}")


BELOW = ["/posts", "/posts/", "/posts/1", "/posts/1/", "/posts/a/b.html", "/posts/.well-known"]
BELOW += [
    "/posts/caf%C3%A9",
    "/posts/a%20b",
    "/posts/a@b:c,d;"[:-1],
    "/posts/..a/...b",
    "/posts/a..",
]
BELOW += ["/posts/" + "x" * 3000, "/posts/" + "%C3%A9" * 500]


@pytest.mark.parametrize("path", BELOW, ids=lambda path: path[:30])
def test_a_path_and_what_is_below_it(scoped: Waf, path: str):
    assert passes(scoped, f"{path}?posts={SQLI}")
    assert not passes(scoped, f"{path}?post={SQLI}")
    assert not passes(scoped, f"{path}?posts={XSS}")


OUTSIDE = r"""
/ /postscript /post /Posts /POSTS /x/posts /posts2/ /posts.html
/posts/../admin /posts/..%2fadmin /posts/..%2Fadmin /posts/%2e%2e/admin /posts/.%2e/admin
/posts/%2E%2E%2Fadmin /posts%2f..%2fadmin /posts%2fx
/posts/..%5cadmin /posts/..\admin /posts\..\admin
/posts/%252e%252e/admin /posts/..%252fadmin /posts/%25%32%65%25%32%65/admin
/posts/..;/admin /posts;/admin /posts;x=1/../admin /posts/;/../admin /posts/%3b/admin /posts%3bx
//posts /./posts /x/../posts /%2e/posts /posts//x /posts//../admin /posts/./x /posts/x/..
/posts/. /posts/.. /posts/.../x /posts/..../ /%70osts /posts%20 /posts%00 /posts%00/../admin
/posts/%00 /posts%0a /posts/%0d%0a
/posts%3f/../admin /posts%3F /posts/%3f/../../admin /posts%23/../admin /posts%25
/posts/%c0%ae%c0%ae/admin /posts/%c0%af /posts/%e0%80%af /posts/%f0%80%80%af
/posts/%ef%bc%8f /posts/%ef%bc%8e%ef%bc%8e/admin
/posts/..%20/admin /posts/%20../admin /posts/%uff0e%uff0e/admin /posts/%zz /posts/%
"""


@pytest.mark.parametrize("path", OUTSIDE.split())
def test_no_spelling_widens_a_path(scoped: Waf, path: str):
    assert not passes(scoped, f"{path}?posts={SQLI}")
    assert not passes(scoped, f"{path}?x=1&posts={SQLI}")


def test_a_query_before_the_path_ends(scoped: Waf):
    assert passes(scoped, f"/posts?/admin&posts={SQLI}")
    assert not passes(scoped, f"/admin?/posts/&posts={SQLI}")


def test_a_path_that_ends_with_a_slash(scoped: Waf):
    assert passes(scoped, f"/folder/?below={SQLI}")
    assert passes(scoped, f"/folder/x?below={SQLI}")
    assert not passes(scoped, f"/folder?below={SQLI}")
    assert not passes(scoped, f"/folder/../x?below={SQLI}")
    assert not passes(scoped, f"/folder//x?below={SQLI}")


def test_a_path_that_clients_encode(scoped: Waf):
    for path in ("/caf%C3%A9/a+b", "/caf%c3%a9/a%2Bb", "/caf%C3%A9/a+b/x"):
        assert passes(scoped, f"{path}?named={SQLI}")
    for path in ("/cafe/a+b", "/caf%C3%A9/a%20b", "/caf%E9/a+b", "/caf%C3%A9"):
        assert not passes(scoped, f"{path}?named={SQLI}")


def test_a_whole_rule_for_a_path(scoped: Waf):
    assert passes(scoped, f"/quiet?q={SQLI}")
    assert not passes(scoped, f"/quiet?q={XSS}")
    assert not passes(scoped, f"/quieter?q={SQLI}")


def test_a_whole_collection_for_a_path(scoped: Waf):
    assert passes(scoped, f"/collection?q={SQLI}")
    assert not passes(scoped, f"/collections?q={SQLI}")
    assert not passes(scoped, "/collection", headers={"Cookie": f"q={SQLI}"})


def test_a_header(scoped: Waf):
    for name in ("Referer", "referer", "REFERER"):
        header = {name: "http://x/?a=1' or '1'='1"}
        assert passes(scoped, "/posts", headers=header)
        assert not passes(scoped, "/", headers=header)


def test_an_odd_key(scoped: Waf):
    for name in ("user[0].na-me", "user%5B0%5D.na-me"):
        assert passes(scoped, f"/posts?{name}={SQLI}")
    assert not passes(scoped, f"/posts?user0.na-me={SQLI}")


HOSTS = ["one.test", "ONE.test", "one.test:8080", "a.wild.test", "a.b.wild.test"]
OTHER_HOSTS = ["two.test", "xone.test", "one.test.evil.test", "wild.test", "awild.test", "one-test"]
OTHER_HOSTS += ["one.test.", "one.test:x", "one.test:8080:1", "a..wild.test", "-"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_host(scoped: Waf, host: str):
    assert passes(scoped, f"/x?hosts={SQLI}", host=host)
    assert not passes(scoped, f"/x?host={SQLI}", host=host)


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_another_host(scoped: Waf, host: str):
    assert not passes(scoped, f"/x?hosts={SQLI}", host=host)


def raw(waf: Waf, *lines: str) -> int:
    agent = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0"
    return waf.send("\r\n".join([*lines, agent, "Accept: */*", "", ""]).encode()).status


def test_a_host_that_is_in_doubt(scoped: Waf):
    """nginx takes the host of the request line, and none at all where there is no header."""
    target = f"/posts?hosts={SQLI}"

    for lines in (
        [f"GET {target} HTTP/1.1", "Host: one.test"],
        [f"GET {target} HTTP/1.0", "Host: one.test"],
        [f"GET http://one.test{target} HTTP/1.1", "Host: one.test"],
        [f"GET http://ONE.test:80{target} HTTP/1.1", "Host: one.test:8080"],
    ):
        assert raw(scoped, *lines) == 200, lines
    for lines in (
        [f"GET http://two.test{target} HTTP/1.1", "Host: one.test"],
        [f"GET http://one.test{target} HTTP/1.1", "Host: two.test"],
        [f"GET http://one.test{target} HTTP/1.0"],
        [f"GET {target} HTTP/1.0"],
        [f"GET {target} HTTP/1.1"],
        [f"GET {target} HTTP/1.1", "Host: one.test", "Host: two.test"],
        [f"GET {target} HTTP/1.1", "Host: two.test", "Host: one.test"],
        [f"GET {target} HTTP/1.1", "Host: two.test", "X-Forwarded-Host: one.test"],
        [f"GET {target} HTTP/1.1", "Host:", "Host: one.test"],
    ):
        assert raw(scoped, *lines) in {400, 403}, lines


def test_who_excludes_nothing_by_host_may_ask_as_before(scoped: Waf, routed: Waf):
    lines = ["GET http://two.test/x HTTP/1.1", "Host: one.test"]

    assert raw(routed, *lines) == 200
    assert raw(scoped, *lines) == 400
    for host in (
        "other.test",
        "other.test:81",
        "OTHER.test",
        "other.test.",
        "[::1]:80",
        "10.0.0.1",
    ):
        assert raw(scoped, "GET /x HTTP/1.1", f"Host: {host}") == 200
    assert raw(scoped, "GET /x HTTP/1.0") != 400  # the Core Rule Set 4 itself refuses it


def test_a_path_in_the_absolute_form(scoped: Waf):
    """nginx and the backend get the path alone, and so do the rules."""
    for path, status in (("/posts", 200), ("/x", 403), ("/posts/../x", 403)):
        request = f"GET http://one.test{path}?posts={SQLI} HTTP/1.1"
        assert raw(scoped, request, "Host: one.test") == status


def test_methods(scoped: Waf):
    assert passes(scoped, f"/?methods={SQLI}")
    assert passes(scoped, f"/?methods={SQLI}", method="HEAD")
    for method in ("POST", "PUT", "OPTIONS"):
        assert not passes(scoped, f"/?methods={SQLI}", method=method, body=b"")
    assert not passes(scoped, f"/?methods={SQLI}", method="get")


@pytest.mark.parametrize(
    ("path", "host", "method", "expected"),
    [
        ("/posts", "one.test", "POST", True),
        ("/x", "one.test", "POST", False),
        ("/posts", "two.test", "POST", False),
        ("/posts", "one.test", "PUT", False),
    ],
)
def test_every_part_of_a_scope(scoped: Waf, path: str, host: str, method: str, expected: bool):
    target = f"{path}?all={SQLI}"

    assert passes(scoped, target, host=host, method=method, body=b"") is expected


def test_a_rule_that_is_off_on_a_route(routed: Waf):
    assert passes(routed, f"/off?q={SQLI}")
    assert passes(routed, f"/off/x?q={SQLI}")
    assert not passes(routed, f"/off?q={XSS}")
    for path in ("/", "/sibling", "/target", "/stricter"):
        assert not passes(routed, f"{path}?q={SQLI}")


def test_a_target_on_a_route(routed: Waf):
    assert passes(routed, f"/target?content={SQLI}")
    assert not passes(routed, f"/target?other={SQLI}")
    for path in ("/", "/sibling", "/off/../sibling"):
        assert not passes(routed, f"{path}?content={SQLI}")


def test_a_common_exclusion_holds_on_each_route(routed: Waf):
    for path in ("/", "/off", "/target", "/tag", "/sibling", "/exact"):
        assert passes(routed, f"{path}?everywhere={SQLI}")


def test_a_regular_expression_on_a_route(routed: Waf):
    assert passes(routed, f"/target?item1={SQLI}")
    assert passes(routed, f"/target?item22={SQLI}")
    for name in ("item", "item1x", "xitem1", "items1"):
        assert not passes(routed, f"/target?{name}={SQLI}")
    assert not passes(routed, f"/sibling?item1={SQLI}")
    # What the warning says: the key alone is compared.
    assert passes(routed, "/target", headers={"Cookie": f"item1={SQLI}"})


def test_a_path_in_a_route(routed: Waf):
    assert passes(routed, f"/target/deep?deep={SQLI}")
    assert passes(routed, f"/target/deep/x?deep={SQLI}")
    for path in ("/target", "/target/deeper", "/target/deep/../x", "/target/x/..%2fdeep", "/"):
        assert not passes(routed, f"{path}?deep={SQLI}")


def test_a_tag_on_a_route(routed: Waf):
    assert passes(routed, f"/tag?q={SQLI}")
    assert not passes(routed, f"/tag?q={XSS}")


def test_an_exclusion_beside_another_policy(routed: Waf):
    here = mark()

    assert not passes(routed, f"/stricter/{here}?content={SQLI}")  # level 2 has other rules
    found = routed.rules(here)
    assert 942100 not in found
    assert {one for one in found if 942000 <= one < 943000}


def test_one_path_alone(routed: Waf):
    assert passes(routed, f"/exact?q={SQLI}")
    assert not passes(routed, f"/exact/x?q={SQLI}")


@pytest.mark.parametrize(
    "path",
    [
        "/sibling/..%2foff",
        "/off/..%2fsibling",
        "//off",
        "/off%2f..%2fsibling",
        "/x/..;/off",
        "/%6fff",
    ],
)
def test_a_route_is_met_by_nobody_by_a_trick(routed: Waf, path: str):
    """Routes differ by their exclusions, so a path that can be read in two ways is refused."""
    assert not passes(routed, f"{path}?q={SQLI}") or path == "/%6fff"


@pytest.mark.parametrize("tag", ["attack-xss", "attack-sqli", "attack-lfi"])
def test_a_deploy_proves_a_route_that_leaves_a_kind_of_attack_out(
    used: Engine, tmp_path: Path, tag: str
):
    spec = tmp_path / "backend.yaml"
    spec.write_text(
        "backend: {host: api.internal, port: 3000}\n"
        "routes:\n  - path: /\n"
        f"  - {{path: /cms, waf: {{exclusions: [{{tag: {tag}, reason: Whole pages}}]}}}}\n"
    )
    crs = str(used.crs.folder) if used.crs else None
    rendered = pipeline.render_spec(spec, pipeline.Choice(str(used.root), crs))

    assert pipeline.prove_by_requests(spec, rendered) == []


def test_rules_that_come_along_can_be_left_out(used: Engine, tmp_path: Path):
    """Ours, and the user's own: an id in the log is an id in the spec."""
    own = tmp_path / "waf" / "rules" / "before-crs" / "own.conf"
    own.parent.mkdir(parents=True)
    own.write_text('SecRule ARGS:x "@streq y" "id:10001,phase:2,deny,msg:\'Own\'"\n')
    spec = tmp_path / "backend.yaml"
    spec.write_text(
        "backend: {host: api.internal, port: 3000}\n"
        "waf:\n  exclusions:\n"
        "    - {rules: [200004, 10001], path: /import, reason: An old client}\n"
    )
    crs = str(used.crs.folder) if used.crs else None
    rendered = pipeline.render_spec(spec, pipeline.Choice(str(used.root), crs))

    assert [one.removed for one in rendered.config.exclusions] == [(200004, 10001)]
    assert not any(found.code.startswith("config.") for found in rendered.problems)
