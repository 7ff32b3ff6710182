"""A proposed exclusion, written into the spec: the request passes, and nothing beside it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from corpus.requests import attacks, ordinary, specialist
from inspect_both import both, library_for, rendered_for

from waf_builder.inspect.inspector import Inspector
from waf_builder.inspect.raw import from_raw
from waf_builder.inspect.request import BROWSER, HttpRequest, from_url
from waf_builder.inspect.routing import routing_of
from waf_builder.judges import rules_of

if TYPE_CHECKING:
    from waf_builder.engine.model import Engine
    from waf_builder.inspect.answer import Answer
    from waf_builder.inspect.report import Finding

pytest.importorskip("libmodsecurity", reason="there is no wheel for this system")
pytestmark = [pytest.mark.nginx, pytest.mark.together]

SPEC = "backend: {host: site.internal, port: 3000}\n"
TRIED = 5
ATTACK = "1%20UNION%20SELECT%20password%20FROM%20users"


def findings(spec: Path, engine: Engine, requests: Sequence[HttpRequest]) -> list[Finding]:
    rendered = rendered_for(spec, engine)
    with library_for(rendered) as judge:
        rules = cache(partial(rules_of, rendered.tree, None))
        inspector = Inspector(routing_of(rendered.config), judge, (), rules, judge.again)
        return list(inspector.findings(requests, asking_again=True))


def answers(spec: Path, engine: Engine, requests: Sequence[HttpRequest]) -> list[Answer]:
    """Return what the WAF says, without what would let the requests pass."""
    with library_for(rendered_for(spec, engine)) as judge:
        return list(judge.judge(requests))


def written(spec: Path, finding: Finding) -> None:
    assert finding.proposal
    lines = [f"  {line}" for line in finding.proposal.lines]
    spec.write_text("\n".join([SPEC + "waf:", *lines, ""]), encoding="utf-8")


def blocked(found: Sequence[Answer]) -> set[str]:
    return {one.request.name for one in found if one.verdict == "block"}


@pytest.fixture(scope="module")
def attacking() -> list[HttpRequest]:
    return [from_raw(one.data, one.name) for one in attacks()]


@pytest.fixture(scope="module")
def before(
    engine_old: Engine, attacking: list[HttpRequest], tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[Finding], set[str]]:
    """What is said to ordinary requests that are refused, and which attacks are blocked."""
    spec = tmp_path_factory.mktemp("before") / "backend.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    requests = [from_raw(one.data, one.name) for one in (*ordinary(), *specialist())]
    found = answers(spec, engine_old, [*requests, *attacking])
    asked = [one.request for one in found[: len(requests)] if one.verdict == "block"]
    refused = [
        one for one in findings(spec, engine_old, asked) if one.proposal and one.proposal.excluded
    ]
    return refused, blocked(found[len(requests) :])


@pytest.mark.parametrize("number", range(TRIED))
def test_only_the_request_passes(
    engine_old: Engine,
    tmp_path: Path,
    before: tuple[list[Finding], set[str]],
    attacking: list[HttpRequest],
    number: int,
):
    refused, stopped = before
    one = refused[number * len(refused) // TRIED]
    spec = tmp_path / "backend.yaml"
    written(spec, one)
    request = one.answer.request
    elsewhere = replace(request, target=f"/elsewhere{request.target}", name="elsewhere")
    after = answers(spec, engine_old, [request, elsewhere, *attacking])
    assert not after[0].refused, after[0]
    assert after[1].refused, after[1]
    assert stopped
    assert stopped - blocked(after) == set()


def test_nginx_agrees(engine: Engine, tmp_path: Path):
    spec = tmp_path / "backend.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    targets = (
        f"/search?q={ATTACK}",
        f"/search/all?q={ATTACK}",
        f"/search?other={ATTACK}",
        f"/searching?q={ATTACK}",
        f"/x?q={ATTACK}",
        f"/search/../x?q={ATTACK}",
        f"/x/..%2fsearch?q={ATTACK}",
        "/search?q=%3Cscript%3Ealert(1)%3C/script%3E",
    )
    requests = [from_url(target) for target in targets]
    (first,) = findings(spec, engine, requests[:1])
    written(spec, first)
    found = both(spec, engine, requests)
    assert [one.nginx.verdict for one in found] == ["pass", "pass", *["block"] * 6]
    assert [str(one) for one in found if one.differ] == []


ODD = [
    HttpRequest("GET", target, (("Host", "a.test"), *BROWSER, *more), name=target)
    for target, more in (
        (f"/a/../b?q={ATTACK}", ()),
        (f"/posts//x?q={ATTACK}", ()),
        (f"/x%2fy?q={ATTACK}", ()),
        (f"/x/;a?q={ATTACK}", ()),
        ("/p?q=%00", ()),
        ("/cookie", (("Cookie", "a.b=${jndi:ldap://x}"),)),
    )
]
"""What an exclusion for the path, or for the one target that is told, would not let pass."""


def test_what_is_proposed_suffices(engine_old: Engine, tmp_path: Path):
    spec = tmp_path / "backend.yaml"
    spec.write_text(SPEC, encoding="utf-8")
    lines: dict[str, None] = {}
    before = findings(spec, engine_old, ODD)
    assert all(one.answer.refused for one in before)
    for one in before:
        assert one.proposal
        first, *rest = one.proposal.lines
        assert first == "exclusions:"
        entries = "\n".join(rest).split("\n  - ")
        lines |= dict.fromkeys(f"  - {entry.removeprefix('  - ')}" for entry in entries)
    text = "\n".join(["exclusions:", *lines]).replace("\n", "\n  ")
    spec.write_text(f"{SPEC}waf:\n  {text}\n", encoding="utf-8")
    after = findings(spec, engine_old, ODD)
    assert [one.answer.request.name for one in after if one.answer.refused] == []


ROUTES = """\
backends: {site: {host: site.internal, port: 3000}}
routes:
  - {path: /, backend: site}
  - {path: /v1/, backend: site, methods: [GET, POST], content_types: [application/json]}
  - path: /own/
    backend: site
    max_body: 1k
    waf: {allowed_content_types: [application/json], allowed_methods: [POST], max_arguments: 3}
"""
FORM = "application/x-www-form-urlencoded"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
OF_KEYS = [
    HttpRequest(
        method,
        path,
        (("Host", "a.test"), *BROWSER, ("Content-Type", kind), ("Content-Length", str(len(body)))),
        body,
        name=f"{method} {path} {kind}",
    )
    for method, path, kind, body in (
        ("PROPFIND", "/", FORM, b"a=b"),
        ("POST", "/", DOCX, b"x"),
        ("REPORT", "/", "text/weird", b"x"),
        ("PUT", "/v1/", "application/json", b"{}"),
        ("POST", "/v1/", "text/weird", b"x"),
        ("GET", "/own/", "text/weird", b"x"),
        ("POST", "/own/", "application/json", b'{"a":[1,2,{"b":3}],"c":null,"d":[]}'),
        ("POST", "/own/", "application/json", b'"' + b"x" * 1100 + b'"'),
    )
]
"""Each is refused for what a key says."""


def pasted(text: str, found: Sequence[Finding]) -> dict[str, object]:
    """Return a spec into which what is proposed is written, each at its place."""
    spec = yaml.safe_load(text)
    routes = {route["path"]: route for route in spec["routes"]}
    for one in found:
        assert one.proposal
        at = spec if one.proposal.at in {"", "waf"} else routes[one.proposal.route]
        if one.proposal.at.endswith("waf"):
            at = at.setdefault("waf", {})
        for key, value in yaml.safe_load("\n".join(one.proposal.lines)).items():
            before = at.get(key)
            more = isinstance(before, list) and [name for name in value if name not in before]
            at[key] = before + more if more else value
    return spec


OF_HOSTS = """\
backends: {site: {host: site.internal, port: 3000}}
routes:
  - {path: /, backend: site}
  - {hosts: [b.test], path: /, backend: site}
  - {hosts: [b.test], path: /login, exact: true, backend: site}
"""


def test_an_exclusion_is_for_the_route_of_its_host(engine: Engine, tmp_path: Path):
    file = tmp_path / "backend.yaml"
    file.write_text(OF_HOSTS, encoding="utf-8")
    urls = [
        f"http://{host}.test{path}?q={ATTACK}"
        for host in ("b", "a")
        for path in ("/x", "/login", "//", "/other")
    ]
    requests = [from_url(url) for url in urls]
    before = findings(file, engine, requests[:3])
    assert [one.proposal and one.proposal.route for one in before] == [
        "b.test/",
        "= b.test/login",
        "b.test/",
    ]
    spec = yaml.safe_load(OF_HOSTS)
    for one, route in zip(before, (1, 2, 1), strict=True):
        assert one.proposal
        own = yaml.safe_load("\n".join(one.proposal.lines))["exclusions"]
        waf = spec["routes"][route].setdefault("waf", {"exclusions": []})
        waf["exclusions"] += own
    file.write_text(yaml.safe_dump(spec), encoding="utf-8")
    found = both(file, engine, requests)
    assert [str(one) for one in found if one.differ] == []
    # What is proposed for `//` is for every path of its route.
    assert [one.nginx.verdict for one in found] == [*["pass"] * 4, *["block"] * 4]


def test_a_key_that_is_proposed_lets_the_request_pass(engine: Engine, tmp_path: Path):
    file = tmp_path / "backend.yaml"
    file.write_text(ROUTES, encoding="utf-8")
    before = findings(file, engine, OF_KEYS)
    assert [one.answer.status for one in before] == [403, 403, 403, 405, 415, 403, 400, 413]
    spec = pasted(ROUTES, before)
    file.write_text(yaml.safe_dump(spec), encoding="utf-8")
    found = both(file, engine, OF_KEYS)
    assert [str(one) for one in found if one.differ] == []
    assert [one.nginx.verdict for one in found] == ["pass"] * len(OF_KEYS)
