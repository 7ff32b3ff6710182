"""A route's `content_types`: which bodies nginx takes, and what the rules make of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.client import Connection, Response, request
from support.waf import mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.backends import Backend
    from support.waf import Waf

pytestmark = pytest.mark.nginx

BODY = b'{"a": 1}'


def post(waf: Waf, path: str, *types: str, body: bytes = BODY) -> Response:
    """Send a body with so many Content-Type headers."""
    headers = [("Content-Type", one) for one in types]
    return waf.ask(f"{path}{mark()}", method="POST", headers=headers, body=body)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json ;charset=utf-8",
        "application/vnd.api+json",
        "text/calendar",  # the rule set's list does not have it
    ],
)
def test_a_type_of_the_route_passes(waf: Waf, site: Backend, content_type: str):
    assert post(waf, "/typed/", content_type).status == 200
    assert len(site.received()) == 1


@pytest.mark.parametrize(
    "types",
    [
        ["text/plain"],
        ["application/x-www-form-urlencoded"],
        ["multipart/form-data; boundary=x"],
        ["application/jsonx"],
        ["xapplication/json"],
        ["application/vndxapi+json"],
        ["text/plain; application/json"],
        ["application/*"],
        ["no body"],
        [""],
        [],
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/typed/", "/typed/unseen/"])
def test_any_other_is_415(waf: Waf, site: Backend, path: str, types: Sequence[str]):
    assert post(waf, path, *types).status == 415
    assert site.received() == []


@pytest.mark.parametrize(
    "types",
    [
        ("application/json", "text/plain"),
        ("text/plain", "application/json"),
        ("application/json; charset=utf-8", "text/plain"),
    ],
)
def test_two_types_are_refused(waf: Waf, site: Backend, types: tuple[str, str]):
    """Older nginx looks at the first only; a rule counts them (920620)."""
    assert post(waf, "/typed/", *types).status in {403, 415}
    assert site.received() == []


@pytest.mark.parametrize("types", [[], ["text/plain"]], ids=str)
def test_chunks_are_a_body(waf: Waf, site: Backend, types: Sequence[str]):
    headers = [("Content-Type", one) for one in types]
    data = request("/typed/", method="POST", headers=headers, chunks=[BODY])
    assert waf.send(data).status == 415
    assert site.received() == []


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {}),
        ("GET", {"Content-Type": "text/plain"}),
        ("DELETE", {}),
        ("POST", {"Content-Length": "0"}),
        ("POST", {"Content-Length": "0", "Content-Type": "text/plain"}),
    ],
    ids=str,
)
def test_without_a_body_the_type_does_not_matter(
    waf: Waf, site: Backend, method: str, headers: dict[str, str]
):
    assert waf.ask(f"/typed/{mark()}", method=method, headers=headers).status == 200
    assert len(site.received()) == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_every_method_with_a_body_is_asked(waf: Waf, site: Backend, method: str):
    headers = {"Content-Type": "text/plain"}
    assert waf.ask("/typed/x", method=method, headers=headers, body=b"x").status == 415
    assert site.received() == []


def test_the_answer_is_a_page_that_names_the_types(waf: Waf):
    response = post(waf, "/typed/", "text/plain")
    assert json.loads(response.body)["status"] == 415
    assert response.header("Accept") == "application/json, application/vnd.api+json, text/calendar"
    assert response.header("Allow") is None


def test_the_body_is_not_waited_for(waf: Waf):
    headers = {"Content-Type": "text/plain", "Content-Length": "1000", "Expect": "100-continue"}
    with Connection(waf.address) as connection:
        connection.send(request("/typed/x", method="POST", headers=headers))
        response = connection.read("POST")
    assert (response.status, response.interim) == (415, ())


def test_the_log_calls_it_a_reject(waf: Waf):
    marker = mark()
    headers = {"Content-Type": "text/plain"}
    waf.ask(f"/typed/{marker}", method="POST", headers=headers, body=b"x")
    line = waf.access(marker)
    assert (line["http.response.status_code"], line["event.action"], line["waf.route"]) == (
        415,
        "reject",
        "/typed/",
    )


def test_what_a_type_of_the_route_holds_is_still_read(waf: Waf, site: Backend):
    body = b'{"q": "<script>alert(1)</script>"}'
    assert post(waf, "/typed/", "application/json", body=body).status == 403
    assert post(waf, "/typed/unseen/", "application/json", body=body).status == 200
    assert [one.body for one in site.received()] == [body]


class TestReachesNoFurther:
    @pytest.mark.parametrize("path", ["/", "/typed", "/Typed/", "/x/typed/", "/typed;/"])
    def test_other_paths_take_other_types(self, waf: Waf, path: str):
        assert post(waf, path, "text/plain").status == 200

    @pytest.mark.parametrize("path", ["/", "/typed", "/json/"])
    def test_nor_do_they_get_the_types_of_the_route(self, waf: Waf, path: str):
        assert post(waf, path, "text/calendar").status == 403

    @pytest.mark.parametrize(
        "path", ["/x/..%2ftyped/", "//typed/", "/typed%2f", "/typed/..%2fx/", "/%74yped/"]
    )
    def test_a_path_that_only_looks_like_the_route_s_is_unclear(
        self, waf: Waf, site: Backend, path: str
    ):
        assert post(waf, path, "application/json").status == 400
        assert site.received() == []

    def test_a_path_that_leads_there_does(self, waf: Waf):
        assert post(waf, "/x/../typed/", "text/plain").status in {400, 415}

    def test_http_1_0_without_a_host_too(self, waf: Waf, site: Backend):
        head = b"POST /typed/x HTTP/1.0\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\n"
        assert waf.send(head + b"x").status == 415
        assert site.received() == []
