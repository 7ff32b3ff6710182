"""Presets in a running WAF: what each key refuses, and what it goes on letting through."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import pytest
from support.waf import mark

from waf_builder.spec.presets import PRESETS

if TYPE_CHECKING:
    from support.backends import Backend
    from support.waf import Waf

pytestmark = pytest.mark.nginx

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
FILE = (
    b"--x\r\nContent-Disposition: form-data; name=file; filename=a.txt\r\n"
    b"Content-Type: text/plain\r\n\r\n%s\r\n--x--\r\n"
)
MULTIPART = "multipart/form-data; boundary=x"


SQL, SHELL = b"-1 UNION SELECT password FROM users--", b"; cat /etc/passwd"
QUERIES = (
    "query { user(id: 7) { name } }",
    "{ me { id name } }",
    'query Q($id: ID!) { user(id: $id) { posts(first: 9, after: "") { edges { node { id } } } } }',
    "mutation M($input: PostInput!) {\n  createPost(input: $input) {\n    id\n    title\n  }\n}\n",
    "query { orders(where: {total: {_gt: 10}}, order_by: {at: desc}) { id total } }",
    '# a comment\nquery { a: node(id: "Z2lkOi8v") { id } b: node(id: "x") { id } }',
)


class Sent(NamedTuple):
    """A request, and the status of its answer."""

    status: int
    method: str = "GET"
    query: str = ""
    content_type: str = ""
    body: bytes | None = None
    client: tuple[tuple[str, str], ...] = ()


def values(count: int) -> bytes:
    return json.dumps({f"k{number}": 1 for number in range(count)}).encode()


BOTH_SIDES = {
    ("json-api", "methods"): [Sent(200, "PATCH", "", JSON, b"{}"), Sent(405, "PURGE")],
    ("json-api", "content_types"): [
        Sent(200, "POST", "", "application/vnd.api+json", b"{}"),
        Sent(200, "PATCH", "", "application/merge-patch+json", b"{}"),
        Sent(200, "PATCH", "", "application/json-patch+json", b"[]"),
        Sent(415, "POST", "", "text/plain", b"{}"),
        Sent(415, "POST", "", FORM, b"a=1"),
    ],
    ("json-api", "max_body"): [
        Sent(200, "POST", "", JSON, b'{"a": "%s"}' % (b"x" * 300_000)),
        Sent(413, "POST", "", JSON, b'{"a": "%s"}' % (b"x" * 1_050_000)),
    ],
    ("graphql", "methods"): [
        Sent(200, "GET", "?query=%7Bme%7Bid%7D%7D"),
        Sent(405, "PUT", "", JSON, b"{}"),
    ],
    ("graphql", "content_types"): [
        Sent(200, "POST", "", JSON, b'{"query": "{ me }"}'),
        Sent(415, "POST", "", "application/graphql", b"{ me }"),
        Sent(415, "POST", "", FORM, b"query=x"),
    ],
    ("graphql", "max_body"): [
        Sent(200, "POST", "", JSON, b'{"query": "%s"}' % (b"x" * 300_000)),
        Sent(413, "POST", "", JSON, b'{"query": "%s"}' % (b"x" * 1_050_000)),
    ],
    ("graphql", "waf.exclusions"): [
        *(
            Sent(
                200,
                "POST",
                "",
                JSON,
                json.dumps({"query": query, "variables": {"id": "7"}}).encode(),
            )
            for query in QUERIES
        ),
        *(Sent(200, "GET", f"?query={quote(query)}") for query in QUERIES),
        Sent(403, "POST", "", JSON, b'{"query": "{ me }", "variables": {"id": "%s"}}' % SQL),
        Sent(403, "POST", "", JSON, b'{"query": "{ me }", "variables": {"id": "%s"}}' % SHELL),
        Sent(403, "POST", "", JSON, b'{"other": "%s"}' % SQL),
        Sent(403, "POST", "", JSON, b'{"query": "<script>alert(1)</script>"}'),
    ],
    ("upload", "content_types"): [
        Sent(200, "POST", "", MULTIPART, FILE % b"hello"),
        Sent(415, "PUT", "", "application/octet-stream", b"hello"),
    ],
    ("upload", "max_body"): [
        Sent(200, "POST", "", MULTIPART, FILE % (b"x" * 10_500_000)),
        Sent(413, "POST", "", MULTIPART, FILE % (b"x" * 20 * 1024**2)),
    ],
    ("webhook", "methods"): [Sent(200, "POST", "", JSON, b"{}"), Sent(405, "GET")],
    ("webhook", "content_types"): [
        Sent(200, "POST", "", FORM, b"event=paid"),
        Sent(200, "POST", "", "application/cloudevents+json", b"{}"),
        Sent(415, "POST", "", "text/xml", b"<a/>"),
    ],
    ("webhook", "waf.max_arguments"): [
        Sent(200, "POST", "", JSON, values(1100)),
        Sent(400, "POST", "", JSON, values(2001)),
    ],
    ("webhook", "waf.exclusions"): [
        Sent(200, "POST", "", JSON, b"{}", (("User-Agent", ""), ("Accept", ""))),
        Sent(403, "POST", "", JSON, b'{"a": "%s"}' % SQL, (("User-Agent", ""),)),
    ],
    ("static", "methods"): [Sent(200, "GET"), Sent(200, "HEAD"), Sent(405, "POST", "", FORM, b"a")],
    ("static", "max_body"): [Sent(200, "GET"), Sent(413, "GET", "", FORM, b"a=1")],
    ("static", "waf.max_arguments"): [
        Sent(200, "GET", "?v=1.2&w=640"),
        Sent(400, "GET", "?" + "&".join(f"a{number}=1" for number in range(21))),
    ],
    # Rule 921151 (a line break in a query argument) stands at level 2.
    ("admin", "waf.paranoia_level"): [Sent(200, "GET", "?q=a"), Sent(403, "GET", "?q=a%0Ab")],
}


@pytest.mark.parametrize(("name", "key"), BOTH_SIDES, ids=lambda part: part)
def test_each_key_has_two_sides(waf: Waf, site: Backend, name: str, key: str):
    for sent in BOTH_SIDES[name, key]:
        site.forget()
        types = [("Content-Type", sent.content_type)] if sent.content_type else []
        response = waf.ask(
            f"/presets/{name}/{mark()}{sent.query}",
            method=sent.method,
            headers=[*types, *sent.client],
            body=sent.body,
        )
        assert response.status == sent.status, sent._replace(body=(sent.body or b"")[:80])
        assert len(site.received()) == (sent.status == 200)


def test_no_key_is_left_out():
    keys = {(name, ".".join(one.key)) for name in PRESETS for one in PRESETS[name].settings}
    assert keys == BOTH_SIDES.keys()


@pytest.mark.parametrize("name", PRESETS)
def test_attacks_are_refused_as_elsewhere(waf: Waf, site: Backend, name: str):
    attack = "?q=%3Cscript%3Ealert(1)%3C/script%3E"
    method = PRESETS[name].route().get("methods", ["GET"])[0]
    headers = {"Content-Type": JSON} if method == "POST" else {}
    body = b"{}" if method == "POST" else None
    target = f"/presets/{name}/{attack}"
    assert waf.ask(target, method=method, headers=headers, body=body).status == 403
    assert site.received() == []


@pytest.mark.parametrize("path", ["/", "/presets/", "/presets/json-apis", "/presets/wider-api/"])
def test_a_preset_holds_on_its_route_only(waf: Waf, path: str):
    headers = {"Content-Type": "text/plain"}
    method = "PURGE" if "wider" in path else "POST"
    assert waf.ask(f"{path}?a", method=method, headers=headers, body=b"x").status == 200


def test_a_key_of_the_route_wins(waf: Waf):
    path = f"/presets/wider-api/{mark()}"
    assert waf.ask(path, method="PURGE").status == 200
    assert waf.ask(path, method="GET").status == 405
    big = b"x" * 1_050_000
    headers = {"Content-Type": "text/plain"}
    assert waf.ask(path, method="PURGE", headers=headers, body=big).status == 413, "the preset's"


def test_elsewhere_empty_headers_are_refused(waf: Waf):
    headers = {"User-Agent": "", "Accept": "", "Content-Type": JSON}
    assert waf.ask("/x", method="POST", headers=headers, body=b"{}").status == 403


def test_elsewhere_queries_are_refused(waf: Waf):
    statuses = [
        waf.ask("/x", method="POST", headers={"Content-Type": JSON}, body=body).status
        for body in (json.dumps({"query": query}).encode() for query in QUERIES)
    ]
    assert statuses.count(403) >= 3
