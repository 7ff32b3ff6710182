"""Which error page a client gets, and what a spec's own page shows."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING

import pytest
from support.waf import mark, render, running

from waf_builder.config.errorpages import ERROR_PAGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.client import Response
    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = pytest.mark.nginx

HTML, JSON = "text/html", "application/problem+json"
WANTED = {
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8": HTML,
    "text/html": HTML,
    "TEXT/HTML": HTML,
    "text/*": HTML,
    "text/html;q=0.1": HTML,
    "text/html;level=1;q=0.5": HTML,
    "application/json;q=0.4,text/html;q=0.5": HTML,
    "application/json, text/html": HTML,
    "application/json;q=0, text/html;q=0.1": HTML,
    "": JSON,
    "*/*": JSON,
    "image/avif,image/webp,*/*;q=0.8": JSON,
    "application/json": JSON,
    "application/problem+json": JSON,
    "application/vnd.api+json;q=0.9": JSON,
    "application/json, text/plain, */*": JSON,
    "application/json, text/html;q=0.9": JSON,
    "text/html;q=0.9, application/json": JSON,
    "text/html;q=0.5 , application/json; q=0.6": JSON,
    "text/html;q=0": JSON,
    "text/html; q=0.0, */*": JSON,
    "text/htmlx": JSON,
    "x-text/html": JSON,
    "text/html" * 800: JSON,
}


def refused(waf: Waf, marker: str, accept: str) -> Response:
    return waf.ask(f"/read/{marker}", method="DELETE", headers={"Accept": accept})


@pytest.mark.parametrize("accept", WANTED, ids=lambda accept: accept[:60])
def test_a_page_is_of_the_kind_that_is_asked_for(waf: Waf, accept: str):
    response = refused(waf, mark(), accept)
    kind = (response.header("Content-Type") or "").split(";")[0]
    assert (response.status, kind) == (405, WANTED[accept])


def test_json_has_the_members_of_rfc_9457(waf: Waf):
    marker = mark()
    assert json.loads(refused(waf, marker, JSON).body) == {
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "detail": "This address does not take this kind of request.",
        "request_id": waf.access(marker)["http.request.id"],
    }


PAGE = """<!doctype html><meta charset=utf-8><title>{{ status }}</title>
<p>Désolé : {{ title }}, {{ text }} <b>{{ request_id }}</b><!-- not for nginx -->
"""
SPEC = """\
backend: {host: 127.0.0.1, port: 9}
max_body: 1k
errors: {page: pages/error.html}
workers: 1
"""


@pytest.fixture(scope="module")
def own(trees: Path, engine: Engine) -> Iterator[Waf]:
    """A WAF with a page of its own, before a backend that is not there."""
    folder = trees / f"own-{mark()}"
    (folder / "pages").mkdir(parents=True)
    (folder / "pages/error.html").write_text(PAGE, encoding="utf-8")
    render(SPEC, folder / "tree", engine)
    with running(folder / "tree", resolver="127.0.0.1") as waf:
        yield waf


@pytest.mark.parametrize(("status", "body"), [(413, b"x" * 2000), (502, b"x")])
def test_an_own_page_shows_what_it_asks_for(own: Waf, status: int, body: bytes):
    marker = mark()
    response = own.ask(f"/{marker}", method="POST", body=body, headers={"Accept": HTML})
    page = {page.status: page for page in ERROR_PAGES}[status]
    request_id = own.access(marker)["http.request.id"]
    assert response.status == status
    assert response.text == (
        f"<!doctype html><meta charset=utf-8><title>{status}</title>\n"
        f"<p>Désolé : {page.title}, {html.escape(page.text)} <b>{request_id}</b>"
        "<!-- not for nginx -->\n"
    )


def test_an_own_page_is_for_browsers(own: Waf):
    response = own.ask("/", method="POST", body=b"x" * 2000, headers={"Accept": JSON})
    assert json.loads(response.body)["status"] == 413


@pytest.mark.parametrize("engine", ["new"], indirect=True)
def test_an_own_page_is_for_refusals_too(own: Waf):
    """Where the connector is older than 1.0.4, a page would cost the audit record."""
    marker = mark()
    attack = f"/{marker}?q=%3Cscript%3Ealert(1)%3C/script%3E"
    response = own.ask(attack, headers={"Accept": HTML})
    assert response.status == 403
    assert f"<b>{own.access(marker)['http.request.id']}</b>" in response.text
    assert 941100 in own.rules(marker)
    assert "941100" not in response.text
